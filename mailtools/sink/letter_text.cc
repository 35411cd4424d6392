// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/letter_text.h"

#include "base/base64.h"
#include "base/printable.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace postern::sink {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownSubject = 100;

std::string_view body_name(smtp::Body body) {
  switch (body) {
    case smtp::Body::seven_bit:
      return "7BIT";
    case smtp::Body::eight_bit_mime:
      return "8BITMIME";
    case smtp::Body::binary_mime:
      return "BINARYMIME";
    case smtp::Body::unspecified:
      break;
  }
  return {};
}

std::string notify_text(const smtp::Notify& notify) {
  std::string out;
  const auto add = [&out](bool is_set, std::string_view name) {
    if (!is_set) return;
    if (!out.empty()) out += ',';
    out += name;
  };
  add(notify.never, "NEVER");
  add(notify.success, "SUCCESS");
  add(notify.failure, "FAILURE");
  add(notify.delay, "DELAY");
  return out;
}

/// Those that MAIL said, as it said them.
Json parameters_of(const smtp::MailParameters& said) {
  Json out = Json::object();
  if (said.size) out["size"] = *said.size;
  if (said.body != smtp::Body::unspecified) out["body"] = body_name(said.body);
  if (said.ret != smtp::Ret::unspecified)
    out["ret"] = said.ret == smtp::Ret::full ? "FULL" : "HDRS";
  if (!said.envid.empty()) out["envid"] = said.envid;
  if (said.smtputf8) out["smtputf8"] = true;
  if (said.requiretls) out["requiretls"] = true;
  if (!said.auth.empty()) out["auth"] = said.auth;
  return out;
}

/// Those recipients that said something of their own.
Json dsn_of(std::span<const smtp::Recipient> recipients) {
  Json out = Json::array();
  for (const smtp::Recipient& recipient : recipients) {
    const smtp::RcptParameters& said = recipient.parameters;
    if (!said.notify.specified() && said.orcpt.empty()) continue;
    Json one = {
        {"to", recipient.address.text()}
    };
    if (said.notify.specified()) one["notify"] = notify_text(said.notify);
    if (!said.orcpt.empty()) one["orcpt"] = said.orcpt;
    out.push_back(std::move(one));
  }
  return out;
}

Json violations_of(const smtp::ContentViolations& found) {
  Json out = Json::array();
  if (found.bare_cr) out.push_back("bare CR");
  if (found.bare_lf) out.push_back("bare LF");
  if (found.nul) out.push_back("NUL");
  return out;
}

/// As text where it is UTF-8, which JSON is made of; else in base64.
void add_content(std::string_view octets, Json& out) {
  Json text = octets;
  try {
    [[maybe_unused]] const std::string tried = text.dump();
    out["content"] = std::move(text);
  } catch (const Json::type_error&) {
    out["content_base64"] = to_base64(octets);
  }
}

std::string time_text(std::chrono::system_clock::time_point when) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(when - seconds);
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), rest.count());
}

}  // namespace

std::string header_field(std::string_view head, std::string_view name) {
  std::string out;
  bool found = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size() - 1) + 1;
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
      line.remove_suffix(1);
    if (line.empty()) break;
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (found && !folded) break;
    if (found) {
      out += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || folded) continue;
    std::string_view field = line.substr(0, colon);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t'))
      field.remove_suffix(1);
    found = smtp::iequals(field, name);
    if (found) out = std::string(line.substr(colon + 1));
  }
  const std::size_t begin = out.find_first_not_of(" \t");
  return begin == std::string::npos ? std::string() : out.substr(begin);
}

std::string json_line(const Taken& letter, const Content& content) {
  Json out;
  out["time"] = time_text(letter.when);
  out["client"] = plain_ip(letter.client.address()).to_string();
  out["port"] = letter.client.port();
  out["helo"] = letter.helo;
  out["esmtp"] = letter.esmtp;
  out["tls"] = nullptr;
  if (letter.tls != nullptr)
    out["tls"] = {
        {"version", letter.tls->version},
        {"cipher",  letter.tls->cipher }
    };
  out["auth"] = nullptr;
  if (!letter.identity.empty()) out["auth"] = letter.identity;
  out["from"] = letter.sender.path.text();
  Json& to = out["to"] = Json::array();
  for (const smtp::Recipient& recipient : letter.recipients)
    to.push_back(recipient.address.text());
  out["parameters"] = parameters_of(letter.sender.parameters);
  Json dsn = dsn_of(letter.recipients);
  if (!dsn.empty()) out["dsn"] = std::move(dsn);
  out["bdat"] = letter.by_chunks;
  Json violations = violations_of(letter.violations);
  if (!violations.empty()) out["violations"] = std::move(violations);
  out["size"] = letter.octets;
  out["subject"] = content.subject;
  if (!content.sha256.empty()) out["sha256"] = content.sha256;
  if (content.has_octets) add_content(content.octets, out);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string summary_line(const Taken& letter, std::string_view subject) {
  const std::time_t when = std::chrono::system_clock::to_time_t(letter.when);
  std::string out = fmt::format("{:%H:%M:%S} {} <{}> to ",
                                fmt::localtime(when),
                                plain_ip(letter.client.address()).to_string(),
                                printable(letter.sender.path.text()));
  if (!letter.recipients.empty())
    out += fmt::format("<{}>", printable(letter.recipients.front().address.text()));
  if (letter.recipients.size() > 1)
    out += fmt::format(" and {} more", letter.recipients.size() - 1);
  out += fmt::format(", {} octets", letter.octets);
  if (letter.tls != nullptr) out += ", " + letter.tls->version;
  if (!letter.identity.empty()) out += ", auth " + printable(letter.identity);
  if (!subject.empty()) out += ": " + printable(subject, kShownSubject);
  return out;
}

std::string counts_line(const SinkCounts& counts) {
  return fmt::format("messages {} recipients {} octets {} connections {} refused {}",
                     counts.messages,
                     counts.recipients,
                     counts.octets,
                     counts.connections,
                     counts.refused);
}

std::string delivery_fields(const Taken& letter) {
  std::string out = "Return-Path: <" + letter.sender.path.text() + ">\r\n";
  for (const smtp::Recipient& recipient : letter.recipients)
    out += "Delivered-To: " + recipient.address.text() + "\r\n";
  return out;
}

std::string maildir_name(std::chrono::system_clock::time_point when,
                         long process,
                         std::uint64_t number,
                         std::string_view hostname) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(when - seconds);
  std::string host(hostname);
  // maildir(5): neither a separator of folders nor of flags.
  std::replace(host.begin(), host.end(), '/', '_');
  std::replace(host.begin(), host.end(), ':', '_');
  return fmt::format(
      "{}.M{}P{}Q{}.{}", seconds.time_since_epoch().count(), rest.count(), process, number, host);
}

}  // namespace postern::sink
