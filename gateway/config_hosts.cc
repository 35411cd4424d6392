// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

#include <algorithm>

// next_hop.hosts: texts, or tables with priority and weight; and next_hop.probe.

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using routing::HostSpec;

constexpr std::uint16_t kDefaultWeight = 1;
constexpr std::uint16_t kMost = 65'535;  ///< of both, as in an SRV record

bool same_place(const HostSpec& a, const HostSpec& b) {
  return a.host == b.host && a.port == b.port && a.mx == b.mx;
}

bool is_there(const std::vector<HostSpec>& hosts, const HostSpec& host) {
  return std::any_of(
      hosts.begin(), hosts.end(), [&](const HostSpec& other) { return same_place(host, other); });
}

void read_text(Reader& reader,
               const std::string& path,
               const std::string& text,
               routing::NextHop& hop) {
  const Parsed<HostSpec> host = parse_host(text);
  if (!host) return reader.error(path, "bad-host", host.error().text);
  if (hop.weighted) {
    return reader.error(
        path,
        "mixed-hosts",
        fmt::format("hosts are all texts, tried in order, or all tables; write {{ host = \"{}\", "
                    "priority = ..., weight = ... }}",
                    text));
  }
  if (is_there(hop.hosts, *host)) {
    reader.add(Severity::warning,
               path,
               "duplicate-host",
               fmt::format("{} is listed twice; leave one out", host->str()));
  }
  hop.hosts.push_back(*host);
}

void read_table(Section& section, routing::NextHop& hop) {
  std::string text;
  section.read("host", text, Need::required);
  HostSpec out;
  out.weight = kDefaultWeight;
  section.read<std::uint16_t>("priority", out.priority, 0, kMost);
  section.read<std::uint16_t>("weight", out.weight, 0, kMost);
  if (!hop.hosts.empty() && !hop.weighted) {
    return section.fail("host",
                        "mixed-hosts",
                        fmt::format("hosts are all texts, tried in order, or all tables; write the "
                                    "others as {{ host = \"{}\", priority = ..., weight = ... }}",
                                    hop.hosts.front().str()));
  }
  if (text.empty()) return;
  const Parsed<HostSpec> host = parse_host(text);
  if (!host) return section.fail("host", "bad-host", host.error().text);
  out.host = host->host;
  out.port = host->port;
  out.mx = host->mx;
  hop.weighted = true;
  if (is_there(hop.hosts, out)) {
    return section.fail("host",
                        "duplicate-host",
                        fmt::format("{} is listed twice; leave one out, and give the other the "
                                    "weight of both",
                                    out.str()));
  }
  hop.hosts.push_back(std::move(out));
}

}  // namespace

void read_hosts(Reader& reader, Section& section, routing::NextHop& hop) {
  section.each(
      "hosts",
      [&](const std::string& path, const std::string& text) { read_text(reader, path, text, hop); },
      [&](Section& table) { read_table(table, hop); },
      Need::required);
}

void read_probe(Section& section, routing::NextHop& hop) {
  section.read("probe", hop.probe, 0s, 24h);
}

}  // namespace postern::gateway
