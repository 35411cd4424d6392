// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"
#include "gateway/control_socket.h"
#include "tools/commands.h"
#include "tools/control_client.h"
#include "tools/queue_print.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kWrongUse = 2;

std::string text(const Json& object, const char* key) {
  return harmless(object.value(key, std::string()));
}

std::int64_t number(const Json& object, const char* key) {
  return object.value(key, std::int64_t{0});
}

/// "up", "down 40s": until the penalty ends.
std::string state_of(const Json& host) {
  std::string out = text(host, "state");
  if (host.contains("until_seconds")) out += " " + short_time(number(host, "until_seconds"));
  return out;
}

/// "10/5" of a host that has them.
std::string rank_of(const Json& host) {
  if (!host.contains("priority")) return "-";
  return fmt::format("{}/{}", number(host, "priority"), number(host, "weight"));
}

std::string probe_of(const Json& host) {
  if (!host.contains("last_probe")) return "-";
  const Json& probe = host["last_probe"];
  return fmt::format("{} {}",
                     probe.value("good", false) ? "good" : "bad",
                     short_time(number(probe, "age_seconds")));
}

std::string failure_of(const Json& host) {
  if (!host.contains("last_failure")) return "-";
  const Json& failure = host["last_failure"];
  return fmt::format(
      "{} ago: {}", short_time(number(failure, "age_seconds")), text(failure, "text"));
}

/// The address behind a name; one that is written as it is says nothing new.
std::string place_of(const Json& host) {
  const std::string name = text(host, "host");
  const std::string address = text(host, "address");
  return address.empty() || address == name ? name : name + " " + address;
}

void print_hop(const Json& hop, std::ostream& out) {
  out << fmt::format("{}: circuit {}", text(hop, "name"), text(hop, "circuit"));
  if (hop.contains("next_try_seconds")) {
    out << ", next try in " << short_time(number(hop, "next_try_seconds"));
  }
  out << fmt::format(", {} waiting, {} running, window {} of {}",
                     number(hop, "waiting"),
                     number(hop, "running"),
                     number(hop, "window"),
                     number(hop, "limit"));
  if (hop.contains("probe_seconds")) {
    out << ", probed every " << short_time(number(hop, "probe_seconds"));
  }
  constexpr const char* kRow = "  {:<32} {:<9} {:<15} {:>6} {:>6}  {:<10} {}\n";
  out << "\n"
      << fmt::format(kRow, "HOST", "RANK", "STATE", "IN USE", "IDLE", "LAST PROBE", "LAST FAILURE");
  const Json hosts = hop.value("hosts", Json::array());
  for (const Json& host : hosts) {
    out << fmt::format(kRow,
                       place_of(host),
                       rank_of(host),
                       state_of(host),
                       number(host, "in_use"),
                       number(host, "idle"),
                       probe_of(host),
                       failure_of(host));
  }
}

}  // namespace

int run_hops(const HopsOptions& options, std::ostream& out, std::ostream& err) {
  const gateway::Parsed<std::string> data_dir = gateway::data_dir_of(options.config);
  if (!data_dir) {
    err << "postern hops: " << data_dir.error().text << "\n";
    return kWrongUse;
  }
  gateway::ControlRequest request;
  request.command = gateway::ControlCommand::hops;
  request.filter.hop = options.name;
  bool first = true;
  const auto answer = ask(gateway::control_path(*data_dir), request, [&](const Json& hop) {
    if (options.json) {
      out << hop.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
      return;
    }
    if (!std::exchange(first, false)) out << "\n";
    print_hop(hop, out);
  });
  if (!answer) {
    err << "postern hops: " << answer.error().text << "\n";
    return answer.error().status;
  }
  if (first && !options.json) out << "the config that is served has no next hop\n";
  return 0;
}

}  // namespace postern::tools
