// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::send {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

MessageFacts facts() {
  MessageFacts out;
  out.from = "ann@test";
  out.to = {"bob@test", "cid@test"};
  out.host = "client.test";
  out.id = "abc.1";
  out.now = std::chrono::system_clock::from_time_t(1796083200);
  return out;
}

TEST(SendMessage, TheTemplateIsSwaks) {
  EXPECT_EQ(compose({}, facts()),
            "Date: Tue, 1 Dec 2026 00:00:00 +0000\r\n"
            "To: bob@test,cid@test\r\n"
            "From: ann@test\r\n"
            "Subject: test Tue, 1 Dec 2026 00:00:00 +0000\r\n"
            "Message-Id: <abc.1@client.test>\r\n"
            "X-Mailer: postern send " POSTERN_VERSION
            "\r\n\r\n"
            "This is a test mailing\r\n");
}

TEST(SendMessage, FieldsReplaceOrAreAdded) {
  MessageOptions options;
  options.headers = {"subject: hello", "X-New: one"};
  options.added = {"Received: from a\nReceived: from b", "Subject: second\n folded"};
  MessageFacts known = facts();
  known.cc = {"dan@test"};
  const std::string letter = compose(options, known);
  EXPECT_THAT(letter, HasSubstr("\r\nsubject: hello\r\n"));
  EXPECT_THAT(letter, Not(HasSubstr("Subject: test")));
  EXPECT_THAT(
      letter,
      HasSubstr("Cc: dan@test\r\nReceived: from a\r\nReceived: from b\r\nSubject: second\r\n "
                "folded\r\nX-New: one\r\n\r\nThis"));
}

TEST(SendMessage, TokensAreFilledInOnce) {
  MessageOptions options;
  options.body = "100 % of %TO_ADDRESS%, %UNKNOWN%";
  options.data = "Subject: %FROM_ADDRESS%\n%NEW_HEADERS%\n\n%BODY%\n.\n";
  options.added = {"X-Id: %MESSAGEID%"};
  MessageFacts known = facts();
  known.from = "%DATE%@test";
  EXPECT_EQ(compose(options, known),
            "Subject: %DATE%@test\r\nX-Id: abc.1@client.test\r\n\r\n"
            "100 % of bob@test,cid@test, %UNKNOWN%\r\n\r\n");
}

TEST(SendMessage, DataIsMadeFitOrLeftAlone) {
  MessageOptions options;
  options.data = "From someone Tue Dec 1\nSubject: x\r\n\r\none\ntwo\n.\n";
  EXPECT_EQ(compose(options, facts()), "Subject: x\r\n\r\none\r\ntwo\r\n");
  options.fixup = false;
  EXPECT_EQ(compose(options, facts()), *options.data);
  options.fixup = true;
  options.strip_from = false;
  EXPECT_THAT(compose(options, facts()), StartsWith("From someone Tue Dec 1\r\nSubject"));
  EXPECT_EQ(with_line_ends("a\\nb\\c"), "a\nb\\c");
}

TEST(SendMessage, ABodyThatIsNotAsciiIsMime) {
  MessageOptions options;
  options.body = "\xd0\xb4\xd0\xb0\n";
  const std::string letter = compose(options, facts());
  EXPECT_THAT(letter,
              HasSubstr("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
  EXPECT_THAT(letter, HasSubstr("\r\n\r\n0LTQsA0K\r\n"));
  EXPECT_TRUE(is_ascii(letter));
}

TEST(SendMessage, AttachmentsAreMixedBodiesAlternatives) {
  MessageOptions options;
  options.bodies = {
      {"text/plain", "plain"},
      {"text/html",  "<p>"  }
  };
  options.attachments = {
      {"application/pdf", std::string("\0\xff", 2), "a \"b\".pdf"}
  };
  const std::string letter = compose(options, facts());
  EXPECT_THAT(letter,
              HasSubstr("Content-Type: multipart/mixed;\r\n boundary=\"=_mixed_abc.1\"\r\n"));
  EXPECT_THAT(letter, HasSubstr("--=_mixed_abc.1\r\nContent-Type: multipart/alternative;"));
  EXPECT_THAT(letter,
              HasSubstr("filename=\"a \\\"b\\\".pdf\"\r\n\r\nAP8=\r\n--=_mixed_abc.1--\r\n"));
}

TEST(SendMessage, AttachmentsHaveRoomInDataOfTheUser) {
  MessageOptions options;
  options.data = "Subject: x\n\n%BODY%";
  options.attachments = {
      {"text/csv", "1,2\n", "a.csv"}
  };
  const std::string letter = compose(options, facts());
  EXPECT_THAT(letter,
              StartsWith("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed"));
  EXPECT_THAT(letter, HasSubstr("text/csv; charset=us-ascii"));
}

TEST(SendMime, LettersWithinLettersAreNotEncoded) {
  const Entity entity = make_entity(
      {
          {"text/plain", "x"}
  },
      {{"message/rfc822", "Subject: y\n\nz"}},
      "s");
  EXPECT_THAT(entity.content,
              HasSubstr("7bit\r\nContent-Disposition: attachment\r\n\r\nSubject: y\r\n"));
}

/// RFC 2045 section 6.4.
TEST(SendMime, WhatHoldsEightBitPartsIsEightBit) {
  const auto fields = [](const std::string& letter) {
    const MimePart body{"text/plain", "x", ""};
    return make_entity(
               {
                   body
    },
               {{"message/rfc822", letter, ""}},
               "s")
        .fields;
  };
  const std::string eight = "Content-Transfer-Encoding: 8bit";
  EXPECT_THAT(fields("Subject: y\n\nда"), Contains(eight));
  EXPECT_THAT(fields("Subject: y\n\nz"), Not(Contains(eight)));
}

TEST(SendMime, LongLinesAreEncoded) {
  const Entity entity = make_entity(
      {
          {"text/plain", std::string(999, 'x')}
  },
      {},
      "s");
  EXPECT_EQ(entity.fields.back(), "Content-Transfer-Encoding: base64");
  EXPECT_LE(entity.content.find("\r\n"), 76U);
}

TEST(SendMime, NamesByRfc2231) {
  EXPECT_EQ(parameter("filename", "a.txt"), ";\r\n filename=\"a.txt\"");
  EXPECT_EQ(parameter("filename", "\xd0\xb4 x.txt"), ";\r\n filename*=UTF-8''%D0%B4%20x.txt");
  const std::string long_name = parameter("filename", std::string(100, 'x'));
  EXPECT_THAT(long_name, StartsWith(";\r\n filename*0*=UTF-8''xxx"));
  EXPECT_THAT(long_name, HasSubstr(";\r\n filename*1*=xxx"));
}

TEST(SendMime, FieldsByRfc2047) {
  EXPECT_EQ(encoded_field("Subject: plain"), "Subject: plain");
  EXPECT_EQ(encoded_field("Subject: re \xd0\xb4\xd0\xb0 \xd0\xb4 ok"),
            "Subject: re =?UTF-8?B?0LTQsCDQtA==?= ok");
  EXPECT_EQ(encoded_field("From: \"\xd0\xb4 x\" <a@test>"), "From: =?UTF-8?B?0LQgeA==?= <a@test>");
  std::string long_text = "Subject: ";
  for (int i = 0; i < 60; ++i)
    long_text += "\xd0\xb4";
  const std::string folded = encoded_field(long_text);
  EXPECT_THAT(folded, HasSubstr("?=\r\n =?UTF-8?B?"));
  EXPECT_LE(folded.find("\r\n"), 76U);
}

}  // namespace
}  // namespace postern::send
