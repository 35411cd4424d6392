// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/replies.h"

#include "mailtools/verify/outcome.h"
#include "smtp/reply_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::verify {
namespace {

using smtp::EnhancedStatus;
using smtp::Reply;

struct Said {
  Question question;
  Side side;
  int code;
  EnhancedStatus status;
  const char* text;
  const char* trouble;
};

constexpr Side kX = Side::old_server;
constexpr Side kV = Side::new_platform;

class Replies : public testing::TestWithParam<Said> {};

TEST_P(Replies, StandForATroubleThatIsAdvisedOn) {
  const Said& one = GetParam();
  const Reply reply(one.code, one.status, Text(std::string(one.text)));
  EXPECT_EQ(trouble_of(one.question, one.side, reply), one.trouble) << reply.line();
  const bool advised = find_advice(one.trouble) != nullptr;
  EXPECT_EQ(advised, *one.trouble != '\0') << one.trouble;
}

/// A call for each, since clang-format aligns braces.
Said said(Question question,
          Side side,
          int code,
          EnhancedStatus status,
          const char* text,
          const char* trouble) {
  return {question, side, code, status, text, trouble};
}

// What Exchange 2013 to 2019 says, and Postfix in its place.
const Said kSaid[] = {
    said(Question::relay, kX, 250, {2, 1, 5}, "Recipient OK", ""),
    said(Question::relay,
         kX,
         550,
         {5, 7, 54},
         "SMTP; Unable to relay recipient in non-accepted domain",
         "x-relay-refused"),
    said(Question::relay, kX, 550, {5, 7, 1}, "Unable to relay", "x-relay-refused"),
    said(Question::relay, kX, 554, {5, 7, 1}, "<a@b>: Relay access denied", "x-relay-refused"),
    said(Question::relay,
         kX,
         451,
         {4, 7, 0},
         "Temporary server error. Please try again later. PRX2",
         "temporary"),
    said(Question::unknown, kX, 550, {5, 1, 1}, "User unknown", "x-recipient-filter"),
    said(Question::unknown,
         kX,
         550,
         {5, 1, 10},
         "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
         "x-recipient-filter"),
    said(Question::unknown, kX, 550, {5, 7, 1}, "Recipient not authorized", "x-recipient-filter"),
    said(Question::group,
         kX,
         550,
         {5, 7, 1},
         "RESOLVER.RST.AuthRequired; authentication required",
         "x-group-authenticated"),
    said(Question::group,
         kX,
         550,
         {5, 7, 133},
         "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery "
         "restriction "
         "check failed because the "
         "sender was not authenticated when sending to this group",
         "x-group-authenticated"),
    said(Question::letter,
         kX,
         550,
         {5, 7, 133},
         "RESOLVER.RST.SenderNotAuthenticatedForGroup",
         "x-group-authenticated"),
    said(Question::group, kX, 550, {5, 1, 1}, "User unknown", "x-recipient-filter"),
    said(Question::sender,
         kX,
         530,
         {5, 7, 57},
         "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
         "x-anonymous-refused"),
    said(Question::sender,
         kX,
         530,
         {5, 7, 1},
         "Client was not authenticated",
         "x-anonymous-refused"),
    said(Question::sender,
         kX,
         550,
         {5, 7, 60},
         "SMTP; Client does not have permissions to send as this sender",
         "x-sender-refused"),
    said(Question::sender,
         kX,
         452,
         {4, 3, 1},
         "Insufficient system resources (UsedDiskSpace[C:\\])",
         "x-resources"),
    said(Question::connect,
         kX,
         421,
         {4, 3, 2},
         "The maximum number of concurrent connections has exceeded a limit, closing transmission "
         "channel",
         "x-connections-refused"),
    said(Question::connect,
         kV,
         421,
         {4, 7, 0},
         "too many connections from your host",
         "v-connections-refused"),
    said(Question::letter,
         kX,
         552,
         {5, 3, 4},
         "Message size exceeds fixed maximum message size",
         "x-size-small"),
    said(Question::letter, kX, 554, {5, 4, 6}, "Hop count exceeded - possible mail loop", "g-loop"),
    said(Question::letter,
         kX,
         550,
         {5, 4, 14},
         "Hop count exceeded - possible mail loop ATTR34",
         "g-loop"),
    said(Question::letter,
         kX,
         554,
         {5, 7, 1},
         "Message rejected as spam by Content Filtering.",
         "refused"),
    said(Question::user, kV, 550, {5, 1, 1}, "User unknown in virtual mailbox table", "v-alias"),
    said(Question::user, kV, 450, {4, 2, 0}, "Greylisted", "temporary"),
    said(Question::letter, kV, 552, {5, 3, 4}, "Message too big", "v-size-small"),
    said(Question::letter, Side::outside, 550, {5, 1, 1}, "no such user", "refused"),
};
INSTANTIATE_TEST_SUITE_P(All, Replies, testing::ValuesIn(kSaid));

}  // namespace
}  // namespace postern::verify
