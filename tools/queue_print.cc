// SPDX-License-Identifier: Apache-2.0
#include "tools/queue_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownRecipients = 3;

std::string text(const Json& object, const char* key) {
  return harmless(object.value(key, std::string()));
}

std::int64_t number(const Json& object, const char* key) {
  return object.value(key, std::int64_t{0});
}

std::string in_brackets(const std::string& address) {
  return "<" + address + ">";
}

/// "in 4m", or "now".
std::string next_try(std::int64_t seconds) {
  return seconds <= 0 ? "now" : "in " + short_time(seconds);
}

void print_recipient(const Json& r, bool held, std::ostream& out) {
  out << "  " << in_brackets(text(r, "address")) << "  " << text(r, "fate");
  if (!text(r, "lane").empty()) out << ", next hop " << text(r, "lane");
  out << ", " << counted(static_cast<std::uint64_t>(number(r, "attempts")), "attempt");
  if (r.contains("next_try") && !held) {
    out << ", next try " << text(r, "next_try") << " (" << next_try(number(r, "next_try_seconds"))
        << ")";
  }
  if (r.value("warned", false)) out << ", sender was warned";
  out << "\n";
  if (r.contains("tries")) {
    for (const Json& one : r["tries"]) {
      const std::string by = text(one, "host");
      out << "      tried " << text(one, "at") << (by.empty() ? "" : " " + by) << ": "
          << text(one, "reply") << "\n";
    }
  }
  if (!r.contains("last_reply")) return;
  const std::string host = text(r, "last_host");
  out << "      last reply" << (host.empty() ? "" : " of " + host) << ": " << text(r, "last_reply")
      << "\n";
}

std::string size_of(const Json& object, const char* key) {
  return short_size(static_cast<std::uint64_t>(std::max<std::int64_t>(number(object, key), 0)));
}

/// What of the process's memory is what: docs/queue.md, "memory".
void print_memory(const Json& memory, std::ostream& out) {
  const auto line = [&](const char* key, const std::string& about) {
    out << fmt::format("  {:<16} {:>14}  {}\n", key, size_of(memory, key), about);
  };
  out << "\nmemory\n";
  line("resident", "as the system counts it");
  line("memtables",
       "of at most " + size_of(memory, "memtables_limit") + ": written last, in the database");
  line("block_cache",
       "of at most " + size_of(memory, "block_cache_limit") + ": read last, in the database");
  line("bodies", "of letters at hand; at most limits.body_memory");
  line("letters",
       fmt::format("the rest of {} at hand, at most 20000 for each worker",
                   counted(static_cast<std::uint64_t>(number(memory, "letters_count")), "letter")));
  line("tables", "indexes of the database's files; grows with the queue");
  line("other", "ids and times of what waits, which grow with the queue; sessions, config, ...");
  line("unused", "given back, kept for what comes next");
}

}  // namespace

std::string harmless(std::string_view in) {
  std::string out;
  for (const char c : in) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out;
}

std::string short_time(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

std::string short_size(std::uint64_t octets) {
  if (octets < 1024) return std::to_string(octets);
  double size = static_cast<double>(octets) / 1024;
  const char* unit = "K";
  for (const char* larger : {"M", "G", "T"}) {
    if (size < 1000) break;
    size /= 1024;
    unit = larger;
  }
  return size < 10 ? fmt::format("{:.1f}{}", size, unit) : fmt::format("{:.0f}{}", size, unit);
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string list_heading() {
  return fmt::format("{:<13} {:>5} {:>6}  {:<8} {:>5} {:>5}  {:<12} {}",
                     "ID",
                     "AGE",
                     "SIZE",
                     "STATE",
                     "TRIES",
                     "NEXT",
                     "NEXT HOP",
                     "SENDER -> RECIPIENTS | LAST REPLY");
}

std::string list_line(const Json& message) {
  const Json recipients = message.value("recipients", Json::array());
  std::vector<std::string> lanes;
  std::string to;
  std::string reply;
  std::int64_t tries = 0;
  std::int64_t next = INT64_MAX;
  std::size_t shown = 0;
  for (const Json& r : recipients) {
    const std::string lane = text(r, "lane");
    if (std::find(lanes.begin(), lanes.end(), lane) == lanes.end()) lanes.push_back(lane);
    tries = std::max(tries, number(r, "attempts"));
    next = std::min(next, number(r, "next_try_seconds"));
    if (reply.empty()) reply = text(r, "last_reply");
    if (shown++ < kShownRecipients) to += (to.empty() ? "" : ", ") + text(r, "address");
  }
  if (shown > kShownRecipients) to += fmt::format(" (+{})", shown - kShownRecipients);
  const std::string state = text(message, "state");
  const std::string sender = text(message, "sender");
  return fmt::format("{:<13} {:>5} {:>6}  {:<8} {:>5} {:>5}  {:<12} {} -> {}{}",
                     text(message, "id"),
                     short_time(number(message, "age_seconds")),
                     short_size(static_cast<std::uint64_t>(number(message, "size"))),
                     state,
                     tries,
                     state == "held" ? "-"
                     : next <= 0     ? "now"
                                     : short_time(next),
                     fmt::format("{}", fmt::join(lanes, ",")),
                     sender.empty() ? "<>" : sender,
                     to,
                     reply.empty() ? "" : " | " + reply);
}

void print_details(const Json& message, std::ostream& out) {
  const Json origin = message.value("origin", Json::object());
  out << "id         " << text(message, "id") << "\n"
      << "state      " << text(message, "state") << "\n"
      << "received   " << text(message, "received") << " ("
      << short_time(number(message, "age_seconds")) << " ago)\n"
      << "size       " << number(message, "size") << " octets\n"
      << "sender     " << in_brackets(text(message, "sender")) << "\n";
  if (message.contains("envid")) out << "envid      " << text(message, "envid") << "\n";
  if (message.contains("ret")) out << "ret        " << text(message, "ret") << "\n";
  if (message.value("requiretls", false)) out << "tls        the message demands REQUIRETLS\n";
  if (message.contains("tls_required")) out << "tls        the message says TLS-Required: No\n";
  out << "client     " << text(origin, "client") << ", helo " << text(origin, "helo")
      << ", listener " << text(origin, "listener");
  if (origin.contains("auth")) out << ", logged in as " << text(origin, "auth");
  out << (origin.value("tls", false) ? ", TLS\n" : ", no TLS\n") << "recipients\n";
  const bool held = text(message, "state") == "held";
  const Json recipients = message.value("recipients", Json::array());
  for (const Json& r : recipients)
    print_recipient(r, held, out);
  out << "\n";
}

void print_octets(std::string_view octets, std::ostream& out) {
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\r') continue;  // of CRLF; a message has no other
    if ((octet < 0x20 && c != '\n' && c != '\t') || octet == 0x7f) {
      out << fmt::format("\\x{:02x}", octet);
    } else {
      out << c;
    }
  }
}

void print_stats(const Json& stats, std::ostream& out) {
  const Json queue = stats.value("queue", Json::object());
  out << "in the queue  "
      << counted(static_cast<std::uint64_t>(number(queue, "messages")), "message") << ", "
      << short_size(static_cast<std::uint64_t>(number(queue, "octets"))) << "\n\nrecipients\n";
  const Json ledger = stats.value("ledger", Json::object());
  for (const auto& [key, value] : ledger.items()) {
    if (value.is_number()) out << fmt::format("  {:<16} {:>14}\n", key, value.get<std::int64_t>());
  }
  if (!ledger.value("balances", true)) {
    out << "  these do not add up: a defect\n";
  }
  out << "\nnext hops\n"
      << fmt::format(
             "  {:<24} {:<8} {:>8} {:>8} {:>8}\n", "name", "state", "waiting", "running", "window");
  const Json lanes = stats.value("lanes", Json::array());
  for (const Json& lane : lanes) {
    out << fmt::format("  {:<24} {:<8} {:>8} {:>8} {:>8}",
                       text(lane, "name"),
                       text(lane, "state"),
                       number(lane, "waiting"),
                       number(lane, "running"),
                       number(lane, "window"));
    if (lane.contains("blocked_until")) out << "  until " << text(lane, "blocked_until");
    out << "\n";
  }
  out << "\nspool\n";
  const Json spool = stats.value("spool", Json::object());
  for (const auto& [key, value] : spool.items()) {
    const std::string shown = value.is_string() ? harmless(value.get<std::string>()) : value.dump();
    out << fmt::format("  {:<16} {:>14}\n", key, shown);
  }
  if (stats.contains("memory")) print_memory(stats["memory"], out);
}

}  // namespace postern::tools
