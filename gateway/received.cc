// SPDX-License-Identifier: Apache-2.0
#include "gateway/received.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>

namespace postern::gateway {
namespace {

std::string address_literal(const IpAddress& address) {
  return address.is_v6() ? fmt::format("[IPv6:{}]", address.to_string())
                         : fmt::format("[{}]", address.to_string());
}

/// The client's own words, made harmless: no octet that could end the field or open a comment.
std::string safe_helo(std::string_view helo) {
  std::string out;
  for (const char c : helo.substr(0, 255)) {
    const auto octet = static_cast<unsigned char>(c);
    const bool harmless =
        octet > 0x20 && octet != 0x7f && c != '(' && c != ')' && c != ';' && c != '\\' && c != '"';
    out += harmless ? c : '?';
  }
  return out.empty() ? "unknown" : out;
}

}  // namespace

std::string rfc5322_date(std::chrono::system_clock::time_point when) {
  // Not strftime: names of days and months must not follow the locale.
  static constexpr std::array<const char*, 7> kDays{
      "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm t = fmt::gmtime(std::chrono::system_clock::to_time_t(when));
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000",
                     kDays[static_cast<std::size_t>(t.tm_wday)],
                     t.tm_mday,
                     kMonths[static_cast<std::size_t>(t.tm_mon)],
                     t.tm_year + 1900,
                     t.tm_hour,
                     t.tm_min,
                     t.tm_sec);
}

std::string with_protocol(const smtp::SessionFacts& session, bool utf8) {
  if (!session.esmtp) return "SMTP";
  std::string name = utf8 ? "UTF8SMTP" : "ESMTP";
  if (session.tls != nullptr) name += 'S';
  if (!session.identity.empty()) name += 'A';
  return name;
}

std::string received_field(const smtp::SessionFacts& session,
                           std::string_view hostname,
                           std::string_view letter_id,
                           bool utf8,
                           const smtp::Mailbox* only_recipient,
                           std::chrono::system_clock::time_point now) {
  std::string out = fmt::format("Received: from {} ({})\r\n\tby {} (postern) with {} id {}",
                                safe_helo(session.helo),
                                address_literal(session.client),
                                hostname,
                                with_protocol(session, utf8),
                                letter_id);
  if (session.tls != nullptr) {
    fmt::format_to(
        std::back_inserter(out), "\r\n\t({} {})", session.tls->version, session.tls->cipher);
  }
  if (only_recipient != nullptr)
    fmt::format_to(std::back_inserter(out), "\r\n\tfor <{}>", only_recipient->text());
  fmt::format_to(std::back_inserter(out), "; {}\r\n", rfc5322_date(now));
  return out;
}

}  // namespace postern::gateway
