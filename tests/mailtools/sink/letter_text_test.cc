// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/letter_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::sink {
namespace {

using ::testing::HasSubstr;

TEST(LetterText, AFieldIsUnfoldedAndFoundWithoutCase) {
  EXPECT_EQ(
      header_field("From: a\r\nSUBJECT : one\r\n two\r\nTo: b\r\n\r\nSubject: no\r\n", "Subject"),
      "one two");
  EXPECT_EQ(header_field("From: a\n\nSubject: body\n", "Subject"), "");
  EXPECT_EQ(header_field("X-Subject: no\r\n Subject: folded\r\n", "Subject"), "");
  EXPECT_EQ(header_field("Subject: cut", "Subject"), "cut");
  EXPECT_EQ(header_field("", "Subject"), "");
}

class LetterTextTest : public ::testing::Test {
 protected:
  Taken letter() const {
    Taken out{.sender = sender};
    out.client = net::Endpoint(boost::asio::ip::make_address("10.0.0.5"), 4711);
    out.helo = "client.test";
    out.esmtp = true;
    out.recipients = recipients;
    out.octets = 12;
    out.when = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'000'000'000'123));
    return out;
  }

  smtp::Sender sender{smtp::ReversePath(smtp::Mailbox("olga", "x.ru")), {}};
  std::vector<smtp::Recipient> recipients{
      {smtp::Mailbox("ivan", "y.ru"), {}},
      {smtp::Mailbox("ann",  "y.ru"), {}}
  };
};

TEST_F(LetterTextTest, JsonHasWhatTheClientSaid) {
  sender.parameters.size = 100;
  sender.parameters.body = smtp::Body::eight_bit_mime;
  sender.parameters.envid = "Q+2B1";
  recipients[1].parameters.notify.success = true;
  recipients[1].parameters.notify.delay = true;
  recipients[1].parameters.orcpt = "rfc822;ann@z.ru";
  Taken one = letter();
  one.identity = "olga";
  one.violations.bare_lf = true;
  Content content;
  content.subject = "say \"hi\"";
  content.sha256 = "ab";
  const auto json = nlohmann::json::parse(json_line(one, content));
  EXPECT_EQ(json["time"], "2001-09-09T01:46:40.123Z");
  EXPECT_EQ(json["client"], "10.0.0.5");
  EXPECT_EQ(json["port"], 4711);
  EXPECT_EQ(json["helo"], "client.test");
  EXPECT_TRUE(json["tls"].is_null());
  EXPECT_EQ(json["auth"], "olga");
  EXPECT_EQ(json["from"], "olga@x.ru");
  EXPECT_EQ(json["to"], (nlohmann::json{"ivan@y.ru", "ann@y.ru"}));
  EXPECT_EQ(json["parameters"],
            (nlohmann::json{
                {"size",  100       },
                {"body",  "8BITMIME"},
                {"envid", "Q+2B1"   }
  }));
  EXPECT_EQ(json["dsn"][0]["notify"], "SUCCESS,DELAY");
  EXPECT_EQ(json["dsn"][0]["orcpt"], "rfc822;ann@z.ru");
  EXPECT_EQ(json["violations"], nlohmann::json::array({"bare LF"}));
  EXPECT_EQ(json["size"], 12);
  EXPECT_EQ(json["subject"], "say \"hi\"");
  EXPECT_FALSE(json.contains("content"));
}

TEST_F(LetterTextTest, OctetsThatAreNoTextAreInBase64) {
  Content content;
  content.has_octets = true;
  content.octets = "h\xc3\xa9\r\n";
  EXPECT_EQ(nlohmann::json::parse(json_line(letter(), content))["content"], "h\xc3\xa9\r\n");
  content.octets = "\xff\xfe";
  const auto json = nlohmann::json::parse(json_line(letter(), content));
  EXPECT_FALSE(json.contains("content"));
  EXPECT_EQ(json["content_base64"], "//4=");
}

TEST_F(LetterTextTest, OneLineForPeopleHasNoControlCharacters) {
  const std::string line = summary_line(letter(), "hi\x1b[31m\r\nthere");
  EXPECT_THAT(line, HasSubstr("10.0.0.5 <olga@x.ru> to <ivan@y.ru> and 1 more, 12 octets"));
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST_F(LetterTextTest, DeliveryFields) {
  EXPECT_EQ(delivery_fields(letter()),
            "Return-Path: <olga@x.ru>\r\nDelivered-To: ivan@y.ru\r\nDelivered-To: ann@y.ru\r\n");
  sender = smtp::Sender{};
  EXPECT_THAT(delivery_fields(letter()), HasSubstr("Return-Path: <>\r\n"));
}

TEST_F(LetterTextTest, NamesOfFilesDifferAndHaveNoSeparators) {
  const auto when = letter().when;
  const std::string one = maildir_name(when, 7, 1, "a/b:c");
  EXPECT_EQ(one, "1000000000.M123000P7Q1.a_b_c");
  EXPECT_NE(one, maildir_name(when, 7, 2, "a/b:c"));
}

TEST(LetterTextCounts, OneLine) {
  SinkCounts counts;
  counts.messages = 3;
  counts.octets = 12;
  EXPECT_EQ(counts_line(counts), "messages 3 recipients 0 octets 12 connections 0 refused 0");
}

}  // namespace
}  // namespace postern::sink
