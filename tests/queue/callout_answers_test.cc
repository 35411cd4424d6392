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
                                           Row{"550 5.1.0 address rejected", Presence::unknown}));

class CalloutTextOfAMailbox : public ::testing::TestWithParam<const char*> {};

TEST_P(CalloutTextOfAMailbox, IsUnknown) {
  EXPECT_EQ(presence_of(reply(GetParam())), Presence::unknown);
}

// Without an enhanced status, as these servers say it; the comment names them.
constexpr const char* kNoSuchMailbox[] = {
    // Exim
    "550 Unrouteable address",
    "550 Unknown user",
    "550 No such user here",
    "550 No Such User Here",
    "550 no such address here",
    "550 unknown local-part \"i.ivanov\" in mailbox list",
    "550 Invalid recipient <i.ivanov@company.ru>",
    // Postfix
    "550 <a@company.ru>: Recipient address rejected: User unknown in local recipient table",
    "550 <a@company.ru>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 <a@company.ru>: Recipient address rejected: User unknown in relay recipient table",
    "550 <relay.from@company.ru>: Recipient address rejected: User unknown in virtual alias table",
    // Exchange, and IIS before it
    "550 User unknown",
    "550 Requested action not taken: mailbox unavailable",
    "550 RESOLVER.ADR.RecipientNotFound; Recipient a@company.ru not found by SMTP address lookup",
    // Dovecot LMTP
    "550 <a@company.ru> User doesn't exist: a@company.ru",
    // Cyrus LMTP
    ("550-Mailbox unknown.  Either there is no mailbox associated with this\r\n"
     "550-name or you do not have authorization to see it.\r\n"
     "550 User unknown"),
    // Sendmail
    "550 <a@company.ru>... User unknown",
    "551 User not local; please try <a@other.ru>",
    // VK WorkSpace
    ("550 Message was not accepted -- invalid mailbox.  Local mailbox a@company.ru is unavailable: "
     "user not found"),
    // MDaemon, CommuniGate, qmail, a Cisco ESA, OpenSMTPD, Domino
    "550 <a@company.ru>, Recipient unknown",
    "550 a@company.ru unknown user account",
    "550 sorry, no mailbox here by that name. (#5.1.1)",
    "550 #5.1.0 Address rejected.",
    "550 Invalid recipient: <a@company.ru>",
    "550 a@company.ru... No such user",
};

INSTANTIATE_TEST_SUITE_P(Table, CalloutTextOfAMailbox, ::testing::ValuesIn(kNoSuchMailbox));

class CalloutTextOfAnother : public ::testing::TestWithParam<const char*> {};

TEST_P(CalloutTextOfAnother, IsNoAnswerAboutTheMailbox) {
  EXPECT_EQ(presence_of(reply(GetParam())), Presence::unavailable);
}

constexpr const char* kSomethingElse[] = {
    // Exim
    "550 Administrative prohibition",
    "550 rejected because 10.0.0.5 is in a black list at sbl.example.org",
    "550-rejected because 10.0.0.5 is in a black list at sbl.example.org\r\n550 user unknown",
    "550 relay not permitted",
    "550 authentication required",
    "550 Sender verify failed",
    ("550-Verification failed for <a@corp.com>\r\n550-Unrouteable address\r\n"
     "550 Sender verify failed"),
    "550-Callback setup failed while verifying <a@corp.com>\r\n550 Unknown user",
    ("550-The mail server could not deliver mail to a@company.ru. The account or domain may not\r\n"
     "550 exist, they may be blacklisted, or missing the proper dns entries."),
    "550 restricted characters in address",
    "550 inconsistent or no DNS PTR record for 10.0.0.5; address unknown",
    "550 HELO name is invalid; user error",
    "550 Greylisted, user unknown yet",
    // Postfix
    "550 <gw.company.ru[10.0.0.5]>: Client host rejected: Access denied",
    "550 <a@corp.com>: Sender address rejected: User unknown in local recipient table",
    "550 <a@company.ru>: Recipient address rejected: Access denied",
    "550 <a@company.ru>: Relay access denied",
    "550 <gw>: Helo command rejected: Host not found; user unknown",
    // Sendmail
    "550 <a@company.ru>... Relaying denied",
    "550 a@company.ru... we do not relay",
    "553 <a@corp.com>... Domain of sender address does not exist",
    "550 Host unknown (Name server: company.ru: host not found)",
    "553 User address required",
    // VK WorkSpace
    "550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=1",
    "550 Access from ip address 10.0.0.5 blocked. Visit http://help.mail.ru/",
    // Exchange, qmail and others
    ("550 Requested action not taken: mailbox unavailable (e.g., mailbox not found, no access, or "
     "command rejected for policy reasons)"),
    "550-Requested action not taken: mailbox unavailable\r\n550 invalid DNS MX or A/AAAA record",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "553 sorry, your envelope sender is in my badmailfrom list; unknown user (#5.7.1)",
    "550 Delivery is not allowed to this address.",
    "550 SPF check failed: unknown user",
    "550 mailbox unavailable: over quota",
    "550 unknown address [10.0.0.5]",
    "550 Invalid address: 2001:db8::5",
    "550 You are banned; user invalid",
    "550 your account is unknown here",
    "550 domain not found for this address",
    // Addresses say nothing.
    "550 unknown.user@company.ru go away",
    "550 <no such user@company.ru> go away",
    // Nor does who says nothing.
    "550 no",
    "550 unknown",
    "551 not local",
    "553 no",
    "550 \xd0\xbd\xd0\xb5\xd1\x82",
    "550",
};

INSTANTIATE_TEST_SUITE_P(Table, CalloutTextOfAnother, ::testing::ValuesIn(kSomethingElse));

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
