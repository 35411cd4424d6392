// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_request.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, ControlCommand>, 12> kCommands{
    {
     {"list", ControlCommand::list},
     {"show", ControlCommand::show},
     {"hold", ControlCommand::hold},
     {"release", ControlCommand::release},
     {"retry", ControlCommand::retry},
     {"remove", ControlCommand::remove},
     {"bounce", ControlCommand::bounce},
     {"stats", ControlCommand::stats},
     {"reload", ControlCommand::reload},
     {"hops", ControlCommand::hops},
     {"tls_report", ControlCommand::tls_report},
     {"metrics", ControlCommand::metrics},
     }
};
constexpr std::array<std::pair<std::string_view, QueueState>, 3> kStates{
    {
     {"waiting", QueueState::waiting},
     {"deferred", QueueState::deferred},
     {"held", QueueState::held},
     }
};
constexpr std::int64_t kOldest = 100LL * 365 * 86400;  ///< seconds

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [name, known] : table) {
    if (known == value) return name;
  }
  return {};
}

/// Takes the members of the request one by one; the first mistake stays.
struct Taking {
  ControlRequest out;
  std::string mistake;

  void fail(std::string_view key, std::string_view what) {
    if (mistake.empty()) mistake = fmt::format("\"{}\" must be {}", key, what);
  }
  std::string text(const std::string& key, const json& value) {
    if (value.is_string()) return value.get<std::string>();
    fail(key, "a text");
    return {};
  }
  bool flag(const std::string& key, const json& value) {
    if (value.is_boolean()) return value.get<bool>();
    fail(key, "true or false");
    return false;
  }
  void ids(const json& value) {
    if (!value.is_array()) return fail("ids", "a list");
    for (const json& id : value)
      out.ids.push_back(text("ids", id));
  }
  void older(const json& value) {
    const bool whole = value.is_number_integer();
    const std::int64_t seconds = whole ? value.get<std::int64_t>() : -1;
    if (seconds < 0 || seconds > kOldest) return fail("older", "a number of seconds");
    out.filter.older = std::chrono::seconds(seconds);
  }
  void guard(const json& value) {
    const double share = value.is_number() ? value.get<double>() : -1;
    if (!(share >= 0 && share <= 1)) return fail("guard", "a share from 0 to 1");
    out.guard = share;
  }
  void command(const json& value) {
    const std::string name = text("command", value);
    for (const auto& [known, command] : kCommands) {
      if (known == name) {
        out.command = command;
        return;
      }
    }
    if (mistake.empty()) mistake = fmt::format("there is no command \"{}\"", name);
  }
  void state(const json& value) {
    out.filter.state = parse_state(text("state", value));
    if (!out.filter.state) fail("state", R"("waiting", "deferred" or "held")");
  }
  void member(const std::string& key, const json& value) {
    if (key == "command") return command(value);
    if (key == "ids") return ids(value);
    if (key == "older") return older(value);
    if (key == "guard") return guard(value);
    if (key == "state") return state(value);
    if (key == "hop") {
      out.filter.hop = text(key, value);
    } else if (key == "sender") {
      out.filter.sender = text(key, value);
    } else if (key == "recipient") {
      out.filter.recipient = text(key, value);
    } else if (key == "up_to") {
      out.filter.up_to = text(key, value);
    } else if (key == "all") {
      out.all = flag(key, value);
    } else if (key == "dry_run") {
      out.dry_run = flag(key, value);
    } else if (key == "day") {
      out.day = text(key, value);
    } else if (key == "send") {
      out.send = flag(key, value);
    } else if (key == "body") {
      out.body = flag(key, value);
    } else if (mistake.empty()) {
      mistake = fmt::format("there is no \"{}\" in a request", key);
    }
  }
};

/// What of a request does not go together; empty: nothing.
std::string contradiction(const ControlRequest& r) {
  const std::string_view name = name_of(r.command);
  if (r.command == ControlCommand::show && r.ids.size() != 1) return "show takes one id";
  if (r.command == ControlCommand::show && !r.filter.empty()) return "show takes no filter";
  if (r.command == ControlCommand::list && !r.ids.empty()) return "list takes filters, no ids";
  const bool only_asks = r.command == ControlCommand::stats || r.command == ControlCommand::metrics;
  if (only_asks && (!r.ids.empty() || !r.filter.empty())) {
    return fmt::format("{} takes neither ids nor filters", name);
  }
  if (r.command == ControlCommand::reload && (!r.ids.empty() || !r.filter.empty() || r.all)) {
    return "reload takes neither ids nor filters";
  }
  ControlFilter but_the_hop = r.filter;
  but_the_hop.hop.clear();
  if (r.command == ControlCommand::hops && (!r.ids.empty() || !but_the_hop.empty() || r.all)) {
    return "hops takes a hop, and nothing else";
  }
  const bool of_report = r.command == ControlCommand::tls_report;
  if (of_report && (!r.ids.empty() || !r.filter.empty() || r.all)) {
    return "tls_report takes a day, and nothing else";
  }
  if ((!r.day.empty() || r.send) && !of_report) return "day and send belong to tls_report";
  if (r.guard && r.command != ControlCommand::reload) return "guard belongs to reload";
  if (!changes_messages(r.command)) return {};
  const int ways = int{!r.ids.empty()} + int{!r.filter.empty()} + int{r.all};
  if (ways != 1) return fmt::format("{} takes ids, or filters, or all", name);
  return {};
}

}  // namespace

std::string_view name_of(ControlCommand command) {
  return name_in(kCommands, command);
}

std::string_view name_of(QueueState state) {
  return name_in(kStates, state);
}

std::optional<QueueState> parse_state(std::string_view name) {
  for (const auto& [known, state] : kStates) {
    if (known == name) return state;
  }
  return std::nullopt;
}

bool changes_messages(ControlCommand command) {
  return command != ControlCommand::list && command != ControlCommand::show &&
         command != ControlCommand::stats && command != ControlCommand::reload &&
         command != ControlCommand::hops && command != ControlCommand::tls_report &&
         command != ControlCommand::metrics;
}

Parsed<ControlRequest> parse_request(std::string_view line) {
  if (line.size() > kLongestRequest) return Mistake{"the request is too long"};
  const json parsed = json::parse(line, nullptr, false);
  if (parsed.is_discarded() || !parsed.is_object()) {
    return Mistake{"a request is a JSON object on one line"};
  }
  if (!parsed.contains("command")) return Mistake{"the request has no \"command\""};
  Taking taking;
  for (const auto& [key, value] : parsed.items())
    taking.member(key, value);
  if (taking.mistake.empty()) taking.mistake = contradiction(taking.out);
  if (!taking.mistake.empty()) return Mistake{taking.mistake};
  return taking.out;
}

std::string format_request(const ControlRequest& request) {
  nlohmann::ordered_json out;
  const ControlFilter& filter = request.filter;
  out["command"] = name_of(request.command);
  if (!request.ids.empty()) out["ids"] = request.ids;
  if (!filter.hop.empty()) out["hop"] = filter.hop;
  if (filter.sender) out["sender"] = *filter.sender;
  if (filter.recipient) out["recipient"] = *filter.recipient;
  if (filter.older) out["older"] = filter.older->count();
  if (filter.state) out["state"] = name_of(*filter.state);
  if (!filter.up_to.empty()) out["up_to"] = filter.up_to;
  if (request.all) out["all"] = true;
  if (request.dry_run) out["dry_run"] = true;
  if (request.body) out["body"] = true;
  if (!request.day.empty()) out["day"] = request.day;
  if (request.send) out["send"] = true;
  if (request.guard) out["guard"] = *request.guard;
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace postern::gateway
