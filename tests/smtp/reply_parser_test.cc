// SPDX-License-Identifier: Apache-2.0
#include "smtp/reply_parser.h"

#include "smtp/error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::smtp {
namespace {

struct Parsed {
  std::vector<Reply> replies;
  std::error_code error;
  bool operator==(const Parsed&) const = default;
};

Parsed feed(ReplyParser& parser, std::string_view octets) {
  Parsed out;
  while (!octets.empty()) {
    const Result<ReplyParser::Got> complete = parser.parse(octets);
    if (!complete) {
      out.error = complete.error();
      return out;
    }
    if (*complete == ReplyParser::Got::reply) out.replies.push_back(parser.take());
  }
  return out;
}

Parsed parse(std::string_view octets) {
  ReplyParser parser;
  return feed(parser, octets);
}

Reply only(std::string_view octets) {
  const Parsed parsed = parse(octets);
  EXPECT_EQ(parsed.replies.size(), 1U) << octets;
  return parsed.replies.empty() ? Reply() : parsed.replies.front();
}

TEST(ReplyParser, ReadsOneLine) {
  const Reply reply = only("220 ex01.company.ru Microsoft ESMTP MAIL Service ready\r\n");
  EXPECT_EQ(reply.code(), 220);
  EXPECT_TRUE(reply.status().empty());
  EXPECT_EQ(reply.text(), "ex01.company.ru Microsoft ESMTP MAIL Service ready");
}

TEST(ReplyParser, JoinsTheLinesOfAReply) {
  const Reply reply = only("250-mail.company.ru Hello\r\n250-SIZE 37748736\r\n250 CHUNKING\r\n");
  EXPECT_EQ(reply.code(), 250);
  EXPECT_EQ(reply.text(), "mail.company.ru Hello\nSIZE 37748736\nCHUNKING");
}

TEST(ReplyParser, LiftsTheEnhancedStatusOutOfEveryLine) {
  const Reply reply = only("550-5.1.1 no such user\r\n550 5.1.1 try again\r\n");
  EXPECT_EQ(reply.status(), (EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(reply.text(), "no such user\ntry again");
}

TEST(ReplyParser, LeavesWhatIsNoEnhancedStatusInTheText) {
  struct Case {
    const char* line;
    const char* text;
  };
  const Case cases[] = {
      {"550 4.1.1 class does not fit\r\n", "4.1.1 class does not fit"},
      {"550 5.1 two numbers\r\n",          "5.1 two numbers"         },
      {"550 5.1.1x\r\n",                   "5.1.1x"                  },
      {"550 5.1111.1 too long\r\n",        "5.1111.1 too long"       },
      {"354 3.0.0 no such class\r\n",      "3.0.0 no such class"     },
      {"250 -2.1.0\r\n",                   "-2.1.0"                  },
  };
  for (const Case& c : cases) {
    const Reply reply = only(c.line);
    EXPECT_TRUE(reply.status().empty()) << c.line;
    EXPECT_EQ(reply.text(), c.text) << c.line;
  }
}

TEST(ReplyParser, TakesAnEnhancedStatusWithoutText) {
  const Reply reply = only("250 2.1.5\r\n");
  EXPECT_EQ(reply.status(), (EnhancedStatus{2, 1, 5}));
  EXPECT_EQ(reply.text(), "");
}

TEST(ReplyParser, TakesACodeAloneAndABareLf) {
  EXPECT_EQ(only("250\r\n").code(), 250);
  EXPECT_EQ(only("250 ok\n").text(), "ok");
  EXPECT_EQ(only("250-a\n250 b\n").text(), "a\nb");
}

TEST(ReplyParser, KeepsRepliesOfAGroupApart) {
  const Parsed parsed = parse("250 2.1.0 ok\r\n550 5.1.1 no\r\n354 go\r\n");
  ASSERT_EQ(parsed.replies.size(), 3U);
  EXPECT_EQ(parsed.replies[1].code(), 550);
  EXPECT_EQ(parsed.replies[2].code(), 354);
}

TEST(ReplyParser, RefusesWhatIsNotSmtp) {
  const char* const cases[] = {"HTTP/1.1 400 Bad Request\r\n",
                               "\r\n",
                               "25\r\n",
                               "150 first digit\r\n",
                               "650 first digit\r\n",
                               "25x letter\r\n",
                               "250:colon\r\n",
                               " 250 space\r\n",
                               "250-two\r\n550 codes\r\n"};
  for (const char* octets : cases)
    EXPECT_EQ(parse(octets).error, Errc::bad_reply) << octets;
}

TEST(ReplyParser, ShowsControlCharactersAsQuestionMarks) {
  constexpr char kOctets[] = "550 a\0b\x1b[2J\rc\td\x7f\r\n";
  EXPECT_EQ(only(std::string_view(kOctets, sizeof kOctets - 1)).text(), "a?b?[2J?c\td?");
}

TEST(ReplyParser, KeepsAHundredLinesAndReadsOverTheRest) {
  std::string octets;
  for (int i = 0; i < 300; ++i)
    octets += "250-x\r\n";
  octets += "250 end\r\n250 next\r\n";
  const Parsed parsed = parse(octets);
  ASSERT_EQ(parsed.replies.size(), 2U);
  EXPECT_EQ(parsed.replies[0].text().size(), 2 * ReplyParser::kLinesKept - 1);
  EXPECT_EQ(parsed.replies[1].text(), "next");
}

TEST(ReplyParser, KeepsSixtyFourKilobytesOfALineAndReadsOverTheRest) {
  const std::string octets = "250 " + std::string(200'000, 'x') + "\r\n250 next\r\n";
  const Parsed parsed = parse(octets);
  ASSERT_EQ(parsed.replies.size(), 2U);
  EXPECT_LE(parsed.replies[0].text().size(), ReplyParser::kOctetsKept);
  EXPECT_EQ(parsed.replies[1].text(), "next");
}

TEST(ReplyParser, GivesUpOnAReplyWithoutEnd) {
  ReplyParser parser;
  const std::string line = "250-" + std::string(1000, 'x') + "\r\n";
  std::error_code error;
  std::size_t fed = 0;
  while (!error && fed < 2 * ReplyParser::kOctetsRead) {
    error = feed(parser, line).error;
    fed += line.size();
  }
  EXPECT_EQ(error, Errc::reply_too_long);
}

TEST(ReplyParser, GivesTheSameForEverySplit) {
  const std::string inputs[] = {
      "250-mail Hello\r\n250-2.0.0 SIZE 1\n250 CHUNKING\r\n550 5.1.1 no\r\n421 4.3.2 bye\r\n",
      "250 ok\r\n250-a\r\n550 b\r\n",
      "550 a\x01\r\r\n250\n",
  };
  for (const std::string& octets : inputs) {
    const Parsed whole = parse(octets);
    for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
      ReplyParser parser;
      Parsed parts = feed(parser, std::string_view(octets).substr(0, cut));
      if (!parts.error) {
        Parsed rest = feed(parser, std::string_view(octets).substr(cut));
        parts.replies.insert(parts.replies.end(), rest.replies.begin(), rest.replies.end());
        parts.error = rest.error;
      }
      EXPECT_EQ(parts, whole) << octets << " cut at " << cut;
    }
  }
}

TEST(ReplyParser, IsIdleOnlyBetweenReplies) {
  ReplyParser parser;
  EXPECT_TRUE(parser.idle());
  feed(parser, "25");
  EXPECT_FALSE(parser.idle());
  feed(parser, "0 ok\r\n");
  EXPECT_TRUE(parser.idle());
}

}  // namespace
}  // namespace postern::smtp
