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
  const Said& said = GetParam();
  const Reply reply(said.code, said.status, Text(std::string(said.text)));
  EXPECT_EQ(trouble_of(said.question, said.side, reply), said.trouble) << reply.line();
  const bool advised = find_advice(said.trouble) != nullptr;
  EXPECT_EQ(advised, *said.trouble != '\0') << said.trouble;
}

// What Exchange 2013 to 2019 says, and Postfix in its place.
constexpr Said kSaid[] = {
    {Question::relay,   kX,            250, {2, 1, 5}, "Recipient OK",                            ""                     },
    {Question::relay,
     kX,                               550,
     {5, 7, 54},
     "SMTP; Unable to relay recipient in non-accepted domain",                                    "x-relay-refused"      },
    {Question::relay,   kX,            550, {5, 7, 1}, "Unable to relay",                         "x-relay-refused"      },
    {Question::relay,   kX,            554, {5, 7, 1}, "<a@b>: Relay access denied",              "x-relay-refused"      },
    {Question::relay,
     kX,                               451,
     {4, 7, 0},
     "Temporary server error. Please try again later. PRX2",                                      "temporary"            },
    {Question::unknown, kX,            550, {5, 1, 1}, "User unknown",                            "x-recipient-filter"   },
    {Question::unknown,
     kX,                               550,
     {5, 1, 10},
     "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",                "x-recipient-filter"   },
    {Question::unknown, kX,            550, {5, 7, 1}, "Recipient not authorized",                "x-recipient-filter"   },
    {Question::group,
     kX,                               550,
     {5, 7, 1},
     "RESOLVER.RST.AuthRequired; authentication required",                                        "x-group-authenticated"},
    {Question::group,
     kX,                               550,
     {5, 7, 133},
     "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction "
     "check failed because the "
     "sender was not authenticated when sending to this group",                                   "x-group-authenticated"},
    {Question::letter,
     kX,                               550,
     {5, 7, 133},
     "RESOLVER.RST.SenderNotAuthenticatedForGroup",                                               "x-group-authenticated"},
    {Question::group,   kX,            550, {5, 1, 1}, "User unknown",                            "x-recipient-filter"   },
    {Question::sender,
     kX,                               530,
     {5, 7, 57},
     "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",                "x-anonymous-refused"  },
    {Question::sender,  kX,            530, {5, 7, 1}, "Client was not authenticated",            "x-anonymous-refused"  },
    {Question::sender,
     kX,                               550,
     {5, 7, 60},
     "SMTP; Client does not have permissions to send as this sender",                             "x-sender-refused"     },
    {Question::sender,
     kX,                               452,
     {4, 3, 1},
     "Insufficient system resources (UsedDiskSpace[C:\\])",                                       "x-resources"          },
    {Question::connect,
     kX,                               421,
     {4, 3, 2},
     "The maximum number of concurrent connections has exceeded a limit, closing transmission "
     "channel",                                                                                   "x-connections-refused"},
    {Question::connect,
     kV,                               421,
     {4, 7, 0},
     "too many connections from your host",                                                       "v-connections-refused"},
    {Question::letter,
     kX,                               552,
     {5, 3, 4},
     "Message size exceeds fixed maximum message size",                                           "x-size-small"         },
    {Question::letter,  kX,            554, {5, 4, 6}, "Hop count exceeded - possible mail loop", "g-loop"               },
    {Question::letter,
     kX,                               550,
     {5, 4, 14},
     "Hop count exceeded - possible mail loop ATTR34",                                            "g-loop"               },
    {Question::letter,
     kX,                               554,
     {5, 7, 1},
     "Message rejected as spam by Content Filtering.",                                            "refused"              },
    {Question::user,    kV,            550, {5, 1, 1}, "User unknown in virtual mailbox table",   "v-alias"              },
    {Question::user,    kV,            450, {4, 2, 0}, "Greylisted",                              "temporary"            },
    {Question::letter,  kV,            552, {5, 3, 4}, "Message too big",                         "v-size-small"         },
    {Question::letter,  Side::outside, 550, {5, 1, 1}, "no such user",                            "refused"              },
};
INSTANTIATE_TEST_SUITE_P(All, Replies, testing::ValuesIn(kSaid));

}  // namespace
}  // namespace postern::verify
