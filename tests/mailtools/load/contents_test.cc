// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace postern::load {
namespace {

using testing::HasSubstr;

constexpr std::string_view kDate = "Tue, 24 Nov 2026 08:00:00 +0000";

Options options_for(const std::string& size, bool bdat = false) {
  Typed typed;
  typed.sessions = 1;
  typed.messages = 1;
  typed.size = size;
  typed.bdat = bdat;
  typed.helo = "load.example";
  return *read_options(typed);
}

Letter letter_of(std::uint64_t number) {
  Letter out;
  out.number = number;
  out.first_user = number * 7;
  out.due = net::TimePoint(std::chrono::nanoseconds(123'456'789 + number));
  return out;
}

/// As a receiver takes it: dots removed, up to the final one.
std::string unstuffed(const std::string& wire) {
  std::string out;
  std::istringstream lines(wire);
  for (std::string line; std::getline(lines, line);) {
    if (line == ".\r") return out;
    out += line.starts_with('.') ? line.substr(1) : line;
    out += '\n';
  }
  ADD_FAILURE() << "no final dot";
  return out;
}

void expect_clean(const std::string& text) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    ASSERT_TRUE((c >= 32 && c < 127) || c == '\r' || c == '\n');
    if (c == '\n') {
      ASSERT_EQ(text[i - 1], '\r');
      length = 0;
    } else {
      ASSERT_TRUE(c != '\r' || text[i + 1] == '\n');
      ASSERT_LE(++length, 999U);
    }
  }
  EXPECT_TRUE(text.ends_with("\r\n"));
}

TEST(Contents, ALetterHasExactlyItsSizeInBothForms) {
  for (const std::uint64_t size : {400ULL, 401ULL, 479ULL, 480ULL, 481ULL, 1024ULL, 102'400ULL}) {
    for (const std::uint64_t number : {0ULL, 9ULL, 10ULL, 123'456'789ULL}) {
      const Read<Contents> data = Contents::make(options_for(std::to_string(size)), "run1");
      const Read<Contents> bdat = Contents::make(options_for(std::to_string(size), true), "run1");
      ASSERT_TRUE(data && bdat);
      std::string head;
      data->append_head(letter_of(number), kDate, head);
      EXPECT_EQ(head.size(), data->head_octets());
      const std::string whole = head + std::string(bdat->bdat_body(0));
      EXPECT_EQ(whole.size(), size);
      expect_clean(whole);
      EXPECT_EQ(unstuffed(head + std::string(data->data_body(0))), whole);
    }
  }
}

TEST(Contents, SomeLinesBeginWithADotThatIsDoubledForDataAlone) {
  const Read<Contents> data = Contents::make(options_for("10K"), "run1");
  EXPECT_THAT(std::string(data->data_body(0)), HasSubstr("\r\n.."));
  EXPECT_TRUE(data->data_body(0).ends_with("\r\n.\r\n"));
  const Read<Contents> bdat = Contents::make(options_for("10K", true), "run1");
  EXPECT_THAT(std::string(bdat->bdat_body(0)), HasSubstr("\r\n."));
  EXPECT_EQ(bdat->bdat_body(0).find("\r\n.."), std::string::npos);
}

TEST(Contents, TheHeadIsAHeaderBlockWithAllThatALetterNeeds) {
  const Read<Contents> contents = Contents::make(options_for("1K"), "run1");
  std::string head;
  contents->append_head(letter_of(41), kDate, head);
  for (const char* field : {"From: <load@example.com>\r\n",
                            "To: <user288@example.net>\r\n",
                            "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n",
                            "Message-ID: <41.run1@load.example>\r\n"})
    EXPECT_THAT(head, HasSubstr(field));
  EXPECT_EQ(head.find("\r\n\r\n"), head.size() - 4);
}

TEST(Contents, WhoReceivesItFindsTheMarkBehindOtherFields) {
  const Read<Contents> contents = Contents::make(options_for("1K"), "run1");
  Letter letter = letter_of(41);
  letter.counted = false;
  std::string head = "Received: from a by b; then\r\n folded\r\n";
  contents->append_head(letter, kDate, head);
  const std::optional<Mark> mark = find_mark(head);
  ASSERT_TRUE(mark);
  EXPECT_EQ(*mark, (Mark{"run1", 41, letter.due, false}));
}

TEST(Contents, AMarkThatMakesNoSenseIsNone) {
  EXPECT_FALSE(find_mark(""));
  EXPECT_FALSE(find_mark("Subject: x\r\n\r\nX-Postern-Load: a 1 2 1\r\n"));
  for (const char* wrong : {"",
                            "a",
                            "a 1",
                            "a 1 2",
                            "a 1 2 3",
                            "a 1 2 1 1",
                            "a x 2 1",
                            "a 1 -2 1",
                            " 1 2 1",
                            "a 99999999999999999999 2 1",
                            "0123456789012345678901234567890123456789 1 2 1"})
    EXPECT_FALSE(find_mark(std::string("X-Postern-Load: ") + wrong + "\r\n\r\n")) << wrong;
  EXPECT_TRUE(find_mark("X-Postern-Load: a 1 2 1\n\n"));
}

TEST(Contents, ALetterThatCannotBeSoSmallSaysHowSmallItCanBe) {
  const Read<Contents> contents = Contents::make(options_for("100"), "run1");
  ASSERT_FALSE(contents);
  EXPECT_THAT(contents.error(), HasSubstr("at least"));
}

TEST(Contents, RecipientsAreCountedFromOneAndBeginAgain) {
  Typed typed;
  typed.sessions = 1;
  typed.messages = 1;
  typed.users = 10;
  typed.recipients = "3";
  const Read<Contents> contents = Contents::make(*read_options(typed), "run1");
  Letter letter;
  letter.first_user = 8;
  letter.recipients = 3;
  std::string out;
  for (std::uint64_t i = 0; i < 3; ++i) {
    contents->append_recipient(letter, i, out);
    out += ' ';
  }
  EXPECT_EQ(out, "user9@example.net user10@example.net user1@example.net ");
}

TEST(Contents, TheNullSenderIsEmptyInTheEnvelopeAndSomebodyInTheHeader) {
  Typed typed;
  typed.sessions = 1;
  typed.messages = 1;
  typed.from = "";
  typed.helo = "load.example";
  const Read<Contents> contents = Contents::make(*read_options(typed), "run1");
  std::string sender;
  contents->append_sender({}, sender);
  EXPECT_EQ(sender, "");
  std::string head;
  contents->append_head({}, kDate, head);
  EXPECT_THAT(head, HasSubstr("From: <postmaster@load.example>\r\n"));
}

}  // namespace
}  // namespace postern::load
