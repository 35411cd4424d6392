// SPDX-License-Identifier: Apache-2.0
#include "smtp/replies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace postern::smtp {
namespace {

using namespace replies;

struct Row {
  Reply reply;
  const char* code_and_status;
};

/// Every reply with what RFC 5321 4.2 and RFC 3463 want of it.
const Row kRows[] = {
    {ok(),                            "250 2.0.0 "    },
    {sender_ok(),                     "250 2.1.0 "    },
    {recipient_ok(),                  "250 2.1.5 "    },
    {chunk_taken(),                   "250 2.0.0 "    },
    {message_discarded(),             "250 2.0.0 "    },
    {cannot_verify(),                 "252 2.1.5 "    },
    {start_mail_input(),              "354 "          },
    {closing(),                       "221 2.0.0 "    },
    {ready_for_tls(),                 "220 2.0.0 "    },
    {help("NOOP"),                    "214 2.0.0 NOOP"},
    {shutting_down(),                 "421 4.3.2 "    },
    {too_slow(),                      "421 4.4.2 "    },
    {too_many_errors(),               "421 4.7.0 "    },
    {too_many_messages(),             "421 4.7.0 "    },
    {too_many_sessions(),             "421 4.3.2 "    },
    {too_many_from_client(),          "421 4.7.0 "    },
    {too_many_connections(),          "421 4.7.0 "    },
    {certificate_withdrawn(),         "421 4.7.0 "    },
    {session_too_long(),              "421 4.4.2 "    },
    {proxy_not_expected(),            "421 4.7.0 "    },
    {proxy_header_wrong(),            "421 4.7.0 "    },
    {insufficient_authorization(),    "550 5.7.0 "    },
    {too_many_messages_of_client(),   "450 4.7.1 "    },
    {too_many_recipients_of_client(), "450 4.7.1 "    },
    {talked_too_early(),              "554 5.5.1 "    },
    {starttls_injection(),            "554 5.5.1 "    },
    {line_too_long(),                 "500 5.5.2 "    },
    {bare_lf_command(),               "500 5.5.2 "    },
    {unknown_command(),               "500 5.5.1 "    },
    {not_offered(),                   "502 5.5.1 "    },
    {bad_sequence(),                  "503 5.5.1 "    },
    {say_hello_first(),               "503 5.5.1 "    },
    {nested_mail(),                   "503 5.5.1 "    },
    {mail_first(),                    "503 5.5.1 "    },
    {no_recipients(),                 "503 5.5.1 "    },
    {chunks_under_way(),              "503 5.5.1 "    },
    {binary_needs_bdat(),             "503 5.5.1 "    },
    {message_failed_already(),        "503 5.5.1 "    },
    {tls_already(),                   "503 5.5.1 "    },
    {authenticated_already(),         "503 5.5.1 "    },
    {bad_argument("x"),               "501 5.5.4 x"   },
    {bad_sender("x"),                 "501 5.1.7 x"   },
    {bad_recipient("x"),              "501 5.1.3 x"   },
    {unknown_parameter(),             "555 5.5.4 "    },
    {authentication_required(),       "530 5.7.0 "    },
    {requiretls_needs_tls(),          "530 5.7.10 "   },
    {auth_unavailable(),              "454 4.7.0 "    },
    {authenticated(),                 "235 2.7.0 "    },
    {account_under_attack(),          "454 4.7.0 "    },
    {too_many_auth_failures(),        "421 4.7.0 "    },
    {auth_refused(),                  "535 5.7.8 "    },
    {auth_cancelled(),                "501 5.7.0 "    },
    {auth_malformed(),                "501 5.5.2 "    },
    {auth_line_too_long(),            "500 5.5.6 "    },
    {unknown_mechanism(),             "504 5.5.4 "    },
    {auth_needs_tls(),                "538 5.7.11 "   },
    {sender_not_of_account(),         "553 5.7.1 "    },
    {senders_unavailable(),           "451 4.3.0 "    },
    {too_many_recipients(),           "452 4.5.3 "    },
    {other_next_hop(),                "452 4.5.3 "    },
    {declared_too_large(),            "552 5.3.4 "    },
    {message_too_large(),             "552 5.3.4 "    },
    {header_too_large(),              "552 5.3.4 "    },
    {bare_line_end(),                 "550 5.6.11 "   },
    {nul_octet(),                     "550 5.6.11 "   },
};

TEST(Replies, CarryTheCodeAndStatusOfTheirKind) {
  for (const Row& row : kRows) {
    const std::string line = row.reply.line();
    EXPECT_TRUE(line.starts_with(row.code_and_status)) << line;
  }
}

TEST(Replies, HaveAStatusOfTheClassOfTheirCode) {  // RFC 2034 4
  for (const Row& row : kRows) {
    if (row.reply.code() == 354) continue;
    EXPECT_EQ(row.reply.status().klass, row.reply.code() / 100) << row.reply.line();
  }
}

TEST(Replies, SayWhatIsWrongInWordsOfTheirOwn) {
  // Two refusals with one sentence would leave a log's reader guessing which it was. A size may be
  // refused twice: as it is declared, and as it comes.
  std::set<std::string> said{"x"};
  for (const Row& row : kRows) {
    const bool is_ours = row.reply.code() >= 400 && row.reply.text() != "x";
    if (!is_ours || row.reply == message_too_large()) continue;
    EXPECT_TRUE(said.insert(row.reply.line().substr(4)).second) << row.reply.line();
  }
}

TEST(Replies, FitOneLineOfThePrintableKind) {
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  for (const Row& row : kRows) {
    std::string wire;
    row.reply.append_to(wire);
    const std::string_view text = row.reply.text();
    EXPECT_LE(wire.size(), 512U);
    EXPECT_EQ(wire.find('\n'), wire.size() - 1) << wire;
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), is_printable)) << wire;
  }
}

}  // namespace
}  // namespace postern::smtp
