// SPDX-License-Identifier: Apache-2.0
#include "gateway/received.h"

#include "base/date.h"

#include <fmt/format.h>

namespace postern::gateway {
namespace {

std::string address_literal(const IpAddress& address) {
  return address.is_v6() ? fmt::format("[IPv6:{}]", address.to_string())
                         : fmt::format("[{}]", address.to_string());
}

/// TCP-info: "[192.0.2.1]", "mail.example [192.0.2.1]"; the name is one that query_name() takes.
std::string tcp_info(const smtp::SessionFacts& session) {
  const std::string address = address_literal(session.client);
  if (!session.confirmed_name || session.confirmed_name->empty()) return address;
  return *session.confirmed_name + ' ' + address;
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

std::string with_protocol(const smtp::SessionFacts& session, bool utf8) {
  if (!session.esmtp) return "SMTP";
  std::string name = utf8 ? "UTF8SMTP" : "ESMTP";
  if (session.tls != nullptr) name += 'S';
  if (!session.identity.empty() && !session.by_certificate) name += 'A';  // RFC 3848: AUTH
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
                                tcp_info(session),
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
