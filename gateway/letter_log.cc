// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_log.h"

#include "base/metrics.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

/// What a line takes, mostly.
constexpr std::size_t kLineOctets = 512;

/// What may stand in a bare value: no space, no control character, none of the signs of a line.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t octet = 0x21; octet < plain.size(); ++octet)
    plain[octet] = octet != 0x7f && octet != '"' && octet != '=' && octet != '\\';
  return plain;
}();

/// A value as it may stand in a line of key=value: what comes from outside must not be able to
/// forge a key.
void add_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  out += '"';
}

bool is_plain(std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value)
    plain = plain && kPlain[static_cast<unsigned char>(c)];
  return plain;
}

void add(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += ' ';
  out += key;
  out += '=';
  if (is_plain(value)) {
    out += value;
  } else {
    add_quoted(out, value);
  }
}

std::string seconds(std::chrono::microseconds took) {
  return fmt::format("{:.6f}", std::chrono::duration<double>(took).count());
}

/// docs/metrics.md. What is counted is what the log would tell, at any level.
void count(const LetterRecord& r) {
  metrics::counter("postern_recipient_outcomes_total", {r.outcome}).add();
  if (r.next_hop.empty() || r.outcome == "queued") return;
  const std::string_view hop = r.next_hop.starts_with("mx:") ? "mx" : std::string_view(r.next_hop);
  metrics::counter("postern_deliveries_total", {hop, r.outcome}).add();
}

void count(const SessionRecord& r) {
  if (!r.outcome.empty()) metrics::counter("postern_logins_total", {r.command, r.outcome}).add();
}

}  // namespace

std::string format_text(const LetterRecord& r) {
  std::string out;
  out.reserve(kLineOctets);
  out = "letter";
  add(out, "id", r.letter);
  add(out, "session", r.session);
  add(out, "client", r.client);
  add(out, "client_name", r.client_name);
  add(out, "proxy", r.proxy);
  add(out, "forwarded", r.forwarded);
  add(out, "listener", r.listener);
  add(out, "auth", r.identity);
  add(out, "from", fmt::format("<{}>", r.sender));
  add(out, "to", fmt::format("<{}>", r.recipient));
  add(out, "copy", r.copy);
  if (!r.recipient_out.empty()) add(out, "out", fmt::format("<{}>", r.recipient_out));
  if (r.octets != 0) add(out, "size", std::to_string(r.octets));
  add(out, "outcome", r.outcome);
  add(out, "decision", r.decision);
  add(out, "stage", r.stage);
  add(out, "reason", r.reason);
  add(out, "told", r.told);
  add(out, "hop", r.next_hop);
  add(out, "host", r.host);
  add(out, "tls", r.tls);
  add(out, "reply", r.reply);
  if (r.attempts != 0) add(out, "attempts", std::to_string(r.attempts));
  add(out, "next_try", r.next_try);
  if (r.forged_traces != 0) add(out, "forged_traces", std::to_string(r.forged_traces));
  add(out, "seconds", seconds(r.took));
  return out;
}

std::string format_json(const LetterRecord& r) {
  nlohmann::ordered_json out;
  const auto text = [&out](const char* key, std::string_view value) {
    if (!value.empty()) out[key] = std::string(value);
  };
  out["event"] = "letter";
  text("id", r.letter);
  text("session", r.session);
  text("client", r.client);
  text("client_name", r.client_name);
  text("proxy", r.proxy);
  text("forwarded", r.forwarded);
  text("listener", r.listener);
  text("auth", r.identity);
  out["from"] = std::string(r.sender);
  out["to"] = std::string(r.recipient);
  text("copy", r.copy);
  text("out", r.recipient_out);
  if (r.octets != 0) out["size"] = r.octets;
  text("outcome", r.outcome);
  text("decision", r.decision);
  text("stage", r.stage);
  text("reason", r.reason);
  text("told", r.told);
  text("hop", r.next_hop);
  text("host", r.host);
  text("tls", r.tls);
  text("reply", r.reply);
  if (r.attempts != 0) out["attempts"] = r.attempts;
  text("next_try", r.next_try);
  if (r.forged_traces != 0) out["forged_traces"] = r.forged_traces;
  out["seconds"] = std::chrono::duration<double>(r.took).count();
  // Addresses may hold octets that are not UTF-8; the line must be JSON all the same.
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string format_text(const SessionRecord& r) {
  std::string out = "session";
  add(out, "id", r.session);
  add(out, "client", r.client);
  add(out, "proxy", r.proxy);
  add(out, "listener", r.listener);
  add(out, "auth", r.identity);
  add(out, "event", r.event);
  add(out, "command", r.command);
  add(out, "letter", r.letter);
  add(out, "account", r.account);
  add(out, "why", r.why);
  return out;
}

std::string format_json(const SessionRecord& r) {
  nlohmann::ordered_json out;
  const auto text = [&out](const char* key, std::string_view value) {
    if (!value.empty()) out[key] = std::string(value);
  };
  out["event"] = "session";
  text("id", r.session);
  text("client", r.client);
  text("proxy", r.proxy);
  text("listener", r.listener);
  text("auth", r.identity);
  text("what", r.event);
  text("command", r.command);
  text("letter", r.letter);
  text("account", r.account);
  text("why", r.why);
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

LetterLog::LetterLog(std::shared_ptr<spdlog::logger> logger, LogFormat format)
    : logger_(std::move(logger)), format_(format) {}

void LetterLog::write(const LetterRecord& record) const {
  count(record);
  if (!logger_ || !logger_->should_log(spdlog::level::info)) return;
  logger_->info(format_ == LogFormat::json ? format_json(record) : format_text(record));
}

void LetterLog::write(const SessionRecord& record) const {
  count(record);
  if (!logger_ || !logger_->should_log(spdlog::level::info)) return;
  logger_->info(format_ == LogFormat::json ? format_json(record) : format_text(record));
}

}  // namespace postern::gateway
