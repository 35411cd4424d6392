// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/dsn/report.h"

#include <chrono>
#include <string>

namespace postern::dsn {

inline constexpr std::string_view kHeader =
    "From: Anna <anna@partner.ru>\r\n"
    "Subject: contract\r\n"
    "Message-ID: <1@partner.ru>\r\n";
inline constexpr std::string_view kMessage =
    "From: Anna <anna@partner.ru>\r\n"
    "Subject: contract\r\n"
    "Message-ID: <1@partner.ru>\r\n"
    "\r\n"
    "..the text\r\n"
    "-- \r\n"
    "Anna\r\n";

inline Time at(std::int64_t seconds) {
  return Time(std::chrono::seconds(1'795'507'200 + seconds));  // 24 Nov 2026 08:00:00 UTC
}

inline smtp::Mailbox mailbox(std::string_view text) {
  const std::size_t where = text.rfind('@');
  return smtp::Mailbox(text.substr(0, where), text.substr(where + 1));
}

inline ReportedRecipient recipient(std::string_view address, Action action, smtp::Reply reply) {
  ReportedRecipient out;
  out.recipient.address = mailbox(address);
  out.action = action;
  out.reply = std::move(reply);
  out.host = "ex01.company.ru";
  out.next_hop = "exchange";
  out.reason = "rcpt: refused by the next hop";
  out.last_attempt = at(60);
  out.will_retry_until = at(432'000);
  return out;
}

inline smtp::Reply no_such_user() {
  return {
      550, {5, 1, 1},
       std::string("no such user")
  };
}
inline smtp::Reply unable_to_relay() {
  return {
      550, {5, 7, 1},
       std::string("Unable to relay")
  };
}

/// A bounce of one recipient.
inline Facts facts() {
  Facts out;
  out.hostname = "gw.company.ru";
  out.id = "4a7b";
  out.now = at(90);
  out.arrival = at(0);
  out.sender.path = smtp::ReversePath(mailbox("anna@partner.ru"));
  out.header = kHeader;
  out.message = kMessage;
  out.recipients = {recipient("i.ivanov@company.ru", Action::failed, no_such_user())};
  return out;
}

}  // namespace postern::dsn
