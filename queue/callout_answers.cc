// SPDX-License-Identifier: Apache-2.0
#include "queue/callout_answers.h"

#include "smtp/address.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace postern::queue {
namespace {

using routing::Presence;

/// Servers without enhanced codes (Exim among them) say 550 to whom they do not want, too.
bool is_about_us(std::string_view text) {
  constexpr std::array<std::string_view, 7> kWords = {
      "relay", "denied", "block", "policy", "spam", "authenticat", "sender"};
  const std::string lower = smtp::ascii_lower(text);
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
    return lower.find(word) != std::string::npos;
  });
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
  const bool names_the_mailbox = code == 550 || code == 551 || code == 553;
  if (names_the_mailbox && !is_about_us(to_rcpt.text())) return Presence::unknown;
  return Presence::unavailable;
}

bool is_too_many(const smtp::Reply& to_rcpt) {
  const smtp::EnhancedStatus status = to_rcpt.status();
  if (!to_rcpt.is_transient() || to_rcpt.code() == 421) return false;
  return status.empty() ? to_rcpt.code() == 452 : status == smtp::EnhancedStatus{4, 5, 3};
}

}  // namespace postern::queue
