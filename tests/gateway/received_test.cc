// SPDX-License-Identifier: Apache-2.0
#include "gateway/received.h"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using std::chrono::system_clock;

smtp::SessionFacts facts() {
  smtp::SessionFacts session;
  session.client = *parse_ip("10.0.0.5");
  session.helo = "ex01.company.ru";
  session.esmtp = true;
  return session;
}

const system_clock::time_point kTime = system_clock::from_time_t(1795507200);

TEST(Received, NamesClientHostIdRecipientAndTime) {
  const smtp::Mailbox recipient("i.ivanov", "tech.company.ru");
  EXPECT_EQ(received_field(facts(), "gw.company.ru", "0AB", false, &recipient, kTime),
            "Received: from ex01.company.ru ([10.0.0.5])\r\n"
            "\tby gw.company.ru (postern) with ESMTP id 0AB\r\n"
            "\tfor <i.ivanov@tech.company.ru>; Tue, 24 Nov 2026 08:00:00 +0000\r\n");
}

TEST(Received, KeepsSeveralRecipientsToItself) {
  EXPECT_EQ(received_field(facts(), "gw.company.ru", "0AB", false, nullptr, kTime).find(" for "),
            std::string::npos);
}

TEST(Received, WritesIpv6AsALiteral) {
  smtp::SessionFacts session = facts();
  session.client = *parse_ip("2001:db8::1");
  EXPECT_NE(received_field(session, "gw", "1", false, nullptr, kTime).find("([IPv6:2001:db8::1])"),
            std::string::npos);
}

TEST(Received, NamesTheClientAsDnsDoes) {
  smtp::SessionFacts session = facts();
  session.confirmed_name = std::make_shared<const std::string>("mail.company.ru");
  EXPECT_EQ(received_field(session, "gw", "1", false, nullptr, kTime)
                .find("Received: from ex01.company.ru (mail.company.ru [10.0.0.5])\r\n"),
            0U);
  session.confirmed_name = std::make_shared<const std::string>("");
  EXPECT_EQ(received_field(session, "gw", "1", false, nullptr, kTime)
                .find("Received: from ex01.company.ru ([10.0.0.5])\r\n"),
            0U);
}

TEST(Received, LetsNoHeloEndTheFieldOrOpenAComment) {
  smtp::SessionFacts session = facts();
  session.helo = "x\r\nEvil: 1 (;\"\\";
  const std::string field = received_field(session, "gw", "1", false, nullptr, kTime);
  EXPECT_EQ(field.substr(0, field.find(" ([")), "Received: from x??Evil:?1?????");
}

TEST(Received, SaysUnknownForAClientWithoutHelo) {
  smtp::SessionFacts session = facts();
  session.helo.clear();
  EXPECT_EQ(
      received_field(session, "gw", "1", false, nullptr, kTime).find("Received: from unknown ("),
      0U);
}

TEST(Received, NamesTheProtocolAsRfc3848And6531Do) {
  const tls::Info tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "", false};
  smtp::SessionFacts session = facts();
  EXPECT_EQ(with_protocol(session, false), "ESMTP");
  EXPECT_EQ(with_protocol(session, true), "UTF8SMTP");
  session.tls = &tls;
  EXPECT_EQ(with_protocol(session, false), "ESMTPS");
  session.identity = "user";
  EXPECT_EQ(with_protocol(session, false), "ESMTPSA");
  EXPECT_EQ(with_protocol(session, true), "UTF8SMTPSA");
  session.esmtp = false;
  EXPECT_EQ(with_protocol(session, false), "SMTP");
}

TEST(Received, NamesTlsVersionAndCipher) {
  const tls::Info tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "", false};
  smtp::SessionFacts session = facts();
  session.tls = &tls;
  EXPECT_NE(received_field(session, "gw", "1", false, nullptr, kTime)
                .find("(TLSv1.3 TLS_AES_256_GCM_SHA384)"),
            std::string::npos);
}

}  // namespace
}  // namespace postern::gateway
