// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/plan.h"

#include "base/endpoint_text.h"
#include "mailtools/verify/plan_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace postern::verify {
namespace {

using gateway::Mistake;
using gateway::Parsed;
using gateway::Reader;
using gateway::Section;

constexpr std::streamsize kMostFileOctets = 1 << 20;

void read_domain(PlanReading& in, Section& top) {
  std::string name;
  top.read("domain", name);
  const std::vector<routing::Domain>& domains = in.config.routing.domains;
  const auto found = name.empty()
                         ? domains.begin()
                         : std::find_if(domains.begin(), domains.end(), [&](const auto& d) {
                             return d.name == lower_case(name);
                           });
  if (found == domains.end()) {
    std::vector<std::string> names;
    for (const routing::Domain& domain : domains)
      names.push_back(domain.name);
    return top.fail("domain",
                    "unknown-domain",
                    names.empty()
                        ? fmt::format("{} has no [[domain]]; write one there", in.config.file)
                        : fmt::format("{} has no domain \"{}\"; write one of {}",
                                      in.config.file,
                                      name,
                                      gateway::quoted_list(names)));
  }
  in.plan.domain = found->name;
  in.plan.alias = found->aliases.empty() ? std::string() : found->aliases.front();
  in.plan.new_hop = in.config.routing.find_next_hop(found->mailboxes);
}

void read_address(PlanReading& in, Section& top, std::string_view key, std::string& out) {
  top.read(key, out);
  if (out.empty() || (is_test_address(out) && at_domain(lower_case(out), in.plan.domain))) return;
  top.fail(
      key,
      "bad-address",
      fmt::format(
          "\"{}\" is no address of {}; write \"...@{}\"", out, in.plan.domain, in.plan.domain));
}

void note_listeners(PlanReading& in) {
  for (const gateway::ListenerConfig& listener : in.config.listeners) {
    if (listener.from.empty()) continue;
    Plan& plan = in.plan;
    if (plan.old_hop != nullptr && plan.old_hop->name == listener.from)
      plan.old_has_listener = true;
    if (plan.new_hop != nullptr && plan.new_hop->name == listener.from)
      plan.new_has_listener = true;
  }
}

void read_plan(PlanReading& in, Section& top) {
  read_domain(in, top);
  if (in.plan.domain.empty()) return;  // everything else goes by it
  in.plan.helo = in.config.hostname;
  in.plan.gateway_name = in.config.hostname;
  top.read("helo", in.plan.helo);
  if (!gateway::parse_domain(in.plan.helo)) {
    top.fail("helo", "bad-domain", "this is no host's name; write \"gw.company.ru\"");
  }
  read_address(in, top, "unknown", in.plan.unknown);
  read_address(in, top, "group", in.plan.group);
  read_plan_gateway(in, top);
  const std::array<ImapServer, 2> imap = read_sides(in, top);
  read_people(in, top, imap);
  read_outside(in, top);
  read_connect_from(in, top);
  note_listeners(in);
  top.finish();
}

Parsed<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Mistake{std::error_code(errno, std::generic_category()).message()};
  std::string content(kMostFileOctets + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return Mistake{"it cannot be read; is it a folder?"};
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMostFileOctets) return Mistake{"it is too large"};
  return content;
}

}  // namespace

std::string Server::str() const {
  return host_port(host, port);
}

std::string_view side_name(Side side) {
  switch (side) {
    case Side::old_server:
      return "X";
    case Side::new_platform:
      return "V";
    case Side::outside:
      break;
  }
  return "E";
}

std::string Mailbox::name() const {
  return fmt::format("{}:{}", side_name(side), address);
}

std::optional<std::size_t> Plan::find(Role role, Side side) const {
  const std::string wanted = lower_case(address(role));
  for (std::size_t i = 0; i < mailboxes.size(); ++i) {
    if (mailboxes[i].side == side && lower_case(mailboxes[i].address) == wanted) return i;
  }
  return std::nullopt;
}

PlanResult parse_plan(std::string_view text,
                      const std::string& name,
                      const gateway::Config& config,
                      const SecretReader& secret) {
  PlanResult result;
  const Result<gateway::Node, gateway::Finding> root = gateway::parse_document(text, name);
  if (!root) {
    result.findings.push_back(root.error());
    return result;
  }
  Reader reader;
  reader.config.file = name;
  PlanReading reading{reader, config, secret, {}};
  Section top(reader, &*root, "");
  read_plan(reading, top);
  gateway::sort_by_place(reader.findings);
  result.findings = std::move(reader.findings);
  if (result.findings.empty()) result.plan = std::move(reading.plan);
  return result;
}

PlanResult load_plan(const std::string& path, const gateway::Config& config) {
  const Parsed<std::string> text = read_whole(path);
  if (!text) {
    PlanResult result;
    result.findings.push_back(gateway::Finding{
        gateway::Severity::error,
        path,
        0,
        0,
        "",
        fmt::format("the test's file cannot be read: {}; \"postern verify --example\" prints one",
                    text.error().text),
        "unreadable"});
    return result;
  }
  return parse_plan(*text, path, config, [](const std::string& file) -> Parsed<std::string> {
    Parsed<std::string> secret = read_whole(file);
    if (!secret) return Mistake{fmt::format("{} gives no password: {}", file, secret.error().text)};
    return secret;
  });
}

}  // namespace postern::verify
