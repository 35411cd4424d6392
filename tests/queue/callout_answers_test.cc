// SPDX-License-Identifier: Apache-2.0
// R8, R9: which reply to RCPT means what. A server that cannot tell is never a guess.
#include "queue/callout_answers.h"

#include "smtp/reply_parser.h"

#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using routing::Presence;

smtp::Reply reply(std::string_view line) {
  smtp::ReplyParser parser;
  const std::string wire = std::string(line) + "\r\n";
  std::string_view rest = wire;
  const auto got = parser.parse(rest);
  EXPECT_TRUE(got && *got == smtp::ReplyParser::Got::reply) << line;
  return parser.take();
}

struct Row {
  const char* line;
  Presence presence;
};

class CalloutAnswers : public ::testing::TestWithParam<Row> {};

TEST_P(CalloutAnswers, MeanWhatTheTableSays) {
  EXPECT_EQ(presence_of(reply(GetParam().line)), GetParam().presence) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(Known,
                         CalloutAnswers,
                         ::testing::Values(Row{"250 2.1.5 ok", Presence::known},
                                           Row{"250 ok", Presence::known},
                                           Row{"251 will forward", Presence::known},
                                           Row{"252 2.5.0 will try", Presence::known},
                                           Row{"550 5.2.1 disabled", Presence::known},
                                           Row{"552 5.2.2 full", Presence::known},
                                           Row{"552 full", Presence::known}));

INSTANTIATE_TEST_SUITE_P(Unknown,
                         CalloutAnswers,
                         ::testing::Values(Row{"550 5.1.1 no such user", Presence::unknown},
                                           Row{"550 5.1.10 RESOLVER.ADR.RecipientNotFound",
                                               Presence::unknown},
                                           Row{"554 5.1.1 unknown", Presence::unknown},
                                           Row{"553 5.1.3 bad address", Presence::unknown},
                                           Row{"551 5.1.6 moved", Presence::unknown},
                                           Row{"550 5.1.0 address rejected", Presence::unknown},
                                           Row{"550 No such user here", Presence::unknown},
                                           Row{"550 Unrouteable address", Presence::unknown},
                                           Row{"551 not local", Presence::unknown},
                                           Row{"553 no", Presence::unknown}));

INSTANTIATE_TEST_SUITE_P(
    AboutUs,
    CalloutAnswers,
    ::testing::Values(Row{"550 5.7.1 Unable to relay", Presence::unavailable},
                      Row{"550 5.7.54 Unable to relay recipient", Presence::unavailable},
                      Row{"530 5.7.0 authentication required", Presence::unavailable},
                      Row{"503 5.5.1 bad sequence", Presence::unavailable},
                      Row{"501 5.5.4 syntax", Presence::unavailable},
                      Row{"550 5.1.2 no such domain", Presence::unavailable},
                      Row{"553 5.1.7 bad sender", Presence::unavailable},
                      Row{"550 5.1.8 sender's domain", Presence::unavailable},
                      Row{"550 5.4.6 loop", Presence::unavailable},
                      Row{"556 5.1.10 null MX", Presence::unavailable},
                      Row{"550 relay not permitted", Presence::unavailable},
                      Row{"550 Administrative prohibition: blocked", Presence::unavailable},
                      Row{"553 Sorry, that Sender is not welcome", Presence::unavailable},
                      Row{"554 no", Presence::unavailable},
                      Row{"500 what", Presence::unavailable}));

INSTANTIATE_TEST_SUITE_P(NotNow,
                         CalloutAnswers,
                         ::testing::Values(Row{"450 4.7.1 greylisted", Presence::unavailable},
                                           Row{"451 4.7.1 try again", Presence::unavailable},
                                           Row{"450 4.1.1 unverified", Presence::unavailable},
                                           Row{"452 4.2.2 full", Presence::unavailable},
                                           Row{"421 4.3.2 closing", Presence::unavailable}));

TEST(CalloutAnswersOfGroups, TooManyIsNoAnswerAboutTheMailbox) {
  EXPECT_TRUE(is_too_many(reply("452 4.5.3 too many")));
  EXPECT_TRUE(is_too_many(reply("452 too many")));
  EXPECT_TRUE(is_too_many(reply("450 4.5.3 too many")));
  EXPECT_FALSE(is_too_many(reply("452 4.2.2 full")));
  EXPECT_FALSE(is_too_many(reply("450 later")));
  EXPECT_FALSE(is_too_many(reply("552 5.5.3 too many")));
}

}  // namespace
}  // namespace postern::queue
