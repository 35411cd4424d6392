// SPDX-License-Identifier: Apache-2.0
#include "queue/callout_answers.h"

#include "base/ip.h"
#include "smtp/address.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace postern::queue {
namespace {

using routing::Presence;

bool is_ip_address(std::string_view word) {
  constexpr std::string_view kAround = "[](){}<>\"'.,:;=";
  const std::size_t first = word.find_first_not_of(kAround);
  if (first == std::string_view::npos) return false;
  const std::size_t last = word.find_last_not_of(kAround);
  return parse_ip(word.substr(first, last - first + 1)).has_value();
}

/// A text in lower case and with single spaces. Mail addresses are left out, since any word may be
/// part of one.
std::string words_of(std::string_view text) {
  std::string out;
  const std::string lower = smtp::ascii_lower(text);
  constexpr std::string_view kSpace = " \t\n";
  for (std::size_t at = lower.find_first_not_of(kSpace); at != std::string::npos;) {
    const std::size_t end = std::min(lower.find_first_of(kSpace, at), lower.size());
    const std::string_view word = std::string_view(lower).substr(at, end - at);
    if (is_ip_address(word)) {
      out += "ip address ";
    } else if (word.find('@') == std::string_view::npos) {
      out.append(word).append(1, ' ');
    }
    at = lower.find_first_not_of(kSpace, end);
  }
  return out;
}

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

// What servers say without an enhanced status (Exim as it comes, VK WorkSpace, old Sendmail).

constexpr auto kMailbox = std::to_array<std::string_view>({
    "user",
    "recipient",
    "mailbox",
    "address",
    "account",
    "alias",
    "person",
    "local-part",
});
constexpr auto kIsNotThere = std::to_array<std::string_view>({
    "unknown",        "no such",     "not found",   "not exist",  "n't exist",
    "not known",      "not a known", "not a valid", "invalid",    "unrouteable",
    "unroutable",     "unavailable", "no mailbox",  "no account", "no user",
    "user not local", "not listed",  "#5.1.0",      "#5.1.1",
});
/// About us, the sender, the way, the domain or the moment.
constexpr auto kSaysOtherwise = std::to_array<std::string_view>({
    "relay",     "denied",     "deny",        "block",       "black",     "banned",
    "polic",     "prohibit",   "permit",      "not allowed", "disallow",  "spam",
    "virus",     "reputation", "rbl",         "authenticat", "unauthori", "not authori",
    "password",  "credential", "sender",      "from",        "return",    "spf",
    "dkim",      "dmarc",      "helo",        "ehlo",        "client",    "host",
    "dns",       "ptr",        "reverse",     "ip address",  "your",      "domain",
    "grey",      "gray",       "because",     "due to",      "limit",     "too many",
    "quota",     "is full",    "box full",    "connect",     "tls",       "encrypt",
    "access",    "service",    "verif",       "callout",     "callback",  "tempor",
    "try again", "later",      "certificate", "rejected by",
});

/// 550 is said to whom a server does not want as often as of a mailbox: only a text that says that
/// the mailbox is not there, and nothing else, is taken for that.
bool says_not_there(std::string_view text) {
  std::string words = words_of(text);
  // Postfix's name of a table: not about relaying.
  constexpr std::string_view kTable = "relay recipient table";
  const std::size_t table = words.find(kTable);
  if (table != std::string::npos) words.erase(table, kTable.size());
  return has_any(words, kMailbox) && has_any(words, kIsNotThere) && !has_any(words, kSaysOtherwise);
}

Presence of_address_status(std::uint16_t detail) {
  const bool about_others = detail == 2 || (detail >= 7 && detail <= 9);
  return about_others ? Presence::unavailable : Presence::unknown;
}

}  // namespace

Presence presence_of(const smtp::Reply& to_rcpt) {
  const int code = to_rcpt.code();
  if (code / 100 == 2) return Presence::known;
  if (!to_rcpt.is_permanent() || code == 556) return Presence::unavailable;
  const smtp::EnhancedStatus status = to_rcpt.status();
  if (status.klass == 5) {
    if (status.subject == 1) return of_address_status(status.detail);
    return status.subject == 2 ? Presence::known : Presence::unavailable;
  }
  if (code == 552) return Presence::known;
  const bool may_be_the_mailbox = code == 550 || code == 551 || code == 553;
  if (may_be_the_mailbox && says_not_there(to_rcpt.text())) return Presence::unknown;
  return Presence::unavailable;
}

bool is_too_many(const smtp::Reply& to_rcpt) {
  const smtp::EnhancedStatus status = to_rcpt.status();
  if (!to_rcpt.is_transient() || to_rcpt.code() == 421) return false;
  return status.empty() ? to_rcpt.code() == 452 : status == smtp::EnhancedStatus{4, 5, 3};
}

}  // namespace postern::queue
