// SPDX-License-Identifier: Apache-2.0
// What peers and senders may write so that a report breaks, and what SMTPUTF8 asks of it.
#include "queue/dsn/report.h"
#include "report_reader.h"
#include "samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace postern::dsn {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ReadReport read(const std::optional<Report>& report) {
  EXPECT_TRUE(report);
  ReadReport out = read_report(report ? report->octets : "");
  EXPECT_EQ(out.problem, "");
  EXPECT_EQ(out.parts.size(), 3U);
  out.parts.resize(3);
  return out;
}

std::string boundary_of(const ReadReport& report) {
  const std::string type = value(report.fields, "content-type");
  const std::size_t begin = type.find("boundary=\"") + 10;
  return type.substr(begin, type.find('"', begin) - begin);
}

TEST(DsnReportHostile, RemoteTextAddsNoFieldAndNoPart) {
  Facts f = facts();
  f.recipients[0].reply =
      smtp::Reply(550, {5, 1, 1}, "no\r\n\r\nAction: delivered\r\nBcc: a@b\r\n.\r\n\x1b[2J\0"s);
  f.recipients[0].host = "evil\r\nAction: delivered";
  f.recipients[0].reason = "x\r\n--y";
  f.recipients[0].recipient.parameters.orcpt = "rfc822;a+0D+0A+0D+0AAction:+20relayed";
  f.sender.parameters.envid = "e+0D+0A+0D+0AFinal-Recipient:+20x";
  const ReadReport report = read(compose(f));
  const std::vector<Fields> groups = read_groups(report.parts[1].body);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(value(groups[0], "original-envelope-id"), "e Final-Recipient: x");
  EXPECT_EQ(value(groups[1], "original-recipient"), "rfc822; a Action: relayed");
  EXPECT_EQ(value(groups[1], "action"), "failed");
  EXPECT_EQ(value(groups[1], "remote-mta"), "dns; evil Action: delivered");
  EXPECT_THAT(value(groups[1], "diagnostic-code"), StartsWith("smtp; 550 5.1.1 no"));
  EXPECT_EQ(value(report.fields, "bcc"), "(none)");
}

TEST(DsnReportHostile, SenderAddsNoField) {
  Facts f = facts();
  f.sender.path = smtp::ReversePath(smtp::Mailbox("\"a\r\nBcc: victim@x\"", "partner.ru"));
  const ReadReport report = read(compose(f));
  EXPECT_EQ(value(report.fields, "bcc"), "(none)");
  EXPECT_EQ(value(report.fields, "to"), "<\"a Bcc: victim@x\"@partner.ru>");
}

TEST(DsnReportHostile, BoundaryGivesWayToWhatTheMessageHolds) {
  Facts f = facts();
  f.sender.parameters.ret = smtp::Ret::full;
  // The next boundaries in line, all in the message; the boundary is made from the header alone.
  std::string message(kMessage);
  f.message = message;
  const std::string first = boundary_of(read(compose(f)));
  for (int i = 0; i < 3; ++i) {
    const std::string boundary = boundary_of(read(compose(f)));
    message += "--" + boundary + "\r\n--" + boundary + "--\r\n";
    f.message = message;
  }
  const ReadReport report = read(compose(f));
  EXPECT_NE(boundary_of(report), first);
  EXPECT_EQ(report.parts[2].body, message);
}

TEST(DsnReportHostile, LongTextIsFoldedNotCut) {
  Facts f = facts();
  f.recipients[0].reply = smtp::Reply(550, {5, 1, 1}, std::string(5000, 'a'));
  const std::string header = "Subject: " + std::string(3000, 's') + "\r\n";
  f.header = header;
  const ReadReport report = read(compose(f));
  const std::string& status = report.parts[1].body;
  EXPECT_EQ(std::count(status.begin(), status.end(), 'a') > 5000, true);
}

TEST(DsnReportHostile, EightBitHeaderNeeds8bitmime) {
  Facts f = facts();
  f.header = "Subject: \xea\xee\xf2\r\n";
  const std::optional<Report> report = compose(f);
  const ReadReport out = read(report);
  EXPECT_TRUE(report->needs_8bitmime);
  EXPECT_FALSE(report->needs_smtputf8);
  EXPECT_EQ(value(out.fields, "content-transfer-encoding"), "8bit");
  EXPECT_EQ(value(out.parts[0].fields, "content-transfer-encoding"), "7bit");
  EXPECT_EQ(value(out.parts[2].fields, "content-transfer-encoding"), "8bit");
  EXPECT_EQ(out.parts[2].body, f.header);
}

TEST(DsnReportHostile, PlainReportNeedsNoExtension) {
  const std::optional<Report> report = compose(facts());
  EXPECT_FALSE(report->needs_8bitmime);
  EXPECT_FALSE(report->needs_smtputf8);
}

TEST(DsnReportHostile, ReplyInUtf8IsShownInTheTextOnly) {
  Facts f = facts();
  f.recipients[0].reply = smtp::Reply(550, {5, 1, 1}, std::string("нет такого"));
  const std::optional<Report> report = compose(f);
  const ReadReport out = read(report);
  EXPECT_TRUE(report->needs_8bitmime);
  EXPECT_FALSE(report->needs_smtputf8);
  EXPECT_THAT(out.parts[0].body, HasSubstr("нет такого"));
  EXPECT_EQ(value(out.parts[0].fields, "content-type"), "text/plain; charset=utf-8");
  EXPECT_THAT(out.parts[1].body, Not(HasSubstr("нет")));
}

Facts utf8_facts() {
  Facts f = facts();
  f.sender.parameters.smtputf8 = true;
  f.sender.parameters.ret = smtp::Ret::full;
  f.recipients[0].recipient.address = mailbox("почта@company.ru");
  f.recipients[0].recipient.parameters.orcpt = "utf-8;ящик@company.ru";
  return f;
}

TEST(DsnReportUtf8, HasTheTypesOfRfc6533) {
  const std::optional<Report> report = compose(utf8_facts());
  const ReadReport out = read(report);
  EXPECT_TRUE(report->needs_smtputf8);
  EXPECT_TRUE(report->needs_8bitmime);
  EXPECT_EQ(value(out.parts[1].fields, "content-type"), "message/global-delivery-status");
  EXPECT_EQ(value(out.parts[1].fields, "content-transfer-encoding"), "8bit");
  EXPECT_EQ(value(out.parts[2].fields, "content-type"), "message/global");
  const std::vector<Fields> groups = read_groups(out.parts[1].body);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(value(groups[1], "final-recipient"), "utf-8; почта@company.ru");
  EXPECT_EQ(value(groups[1], "original-recipient"), "utf-8; ящик@company.ru");
}

TEST(DsnReportUtf8, OrcptOfTheTypeUtf8KeepsItsOwnEncoding) {
  struct Case {
    const char* orcpt;
    bool ascii_only;
    const char* original;
  };
  const Case cases[] = {
      {"utf-8;a+2Bb@x.ru",        false, "utf-8; a+2Bb@x.ru"       },
      {"UTF-8;a\\x{44F}+2B@x.ru", false, "UTF-8; a\\x{44F}+2B@x.ru"},
      {"utf-8;я@x.ru",           false, "utf-8; я@x.ru"          },
      {"utf-8;я@x.ru",           true,  "utf-8; \\x{44F}@x.ru"    },
      {"rfc822;a+2Bb@x.ru",       false, "rfc822; a+b@x.ru"        },
  };
  for (const Case& c : cases) {
    Facts f = utf8_facts();
    f.ascii_only = c.ascii_only;
    f.recipients[0].recipient.parameters.orcpt = c.orcpt;
    const std::vector<Fields> groups = read_groups(read(compose(f)).parts[1].body);
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(value(groups[1], "original-recipient"), c.original);
  }
}

TEST(DsnReportUtf8, HeaderAloneIsMessageGlobalHeaders) {
  Facts f = utf8_facts();
  f.sender.parameters.ret = smtp::Ret::headers;
  f.header = "Subject: договор\xff\r\n";
  const ReadReport out = read(compose(f));
  EXPECT_EQ(value(out.parts[2].fields, "content-type"), "message/global-headers");
  EXPECT_EQ(out.parts[2].body, "Subject: договор?\r\n");
}

TEST(DsnReportUtf8, Smtputf8MessageWithAsciiAddressesKeepsTheOldStatusType) {
  Facts f = facts();
  f.sender.parameters.smtputf8 = true;
  EXPECT_EQ(value(read(compose(f)).parts[1].fields, "content-type"), "message/delivery-status");
  EXPECT_FALSE(compose(f)->needs_smtputf8);
  f.header = "Subject: договор\r\n";
  const ReadReport out = read(compose(f));
  EXPECT_EQ(value(out.parts[1].fields, "content-type"), "message/delivery-status");
  EXPECT_EQ(value(out.parts[2].fields, "content-type"), "message/global-headers");
  EXPECT_TRUE(compose(f)->needs_smtputf8);
}

TEST(DsnReportUtf8, SenderBeyondAsciiNeedsSmtputf8) {
  Facts f = facts();
  f.sender.parameters.smtputf8 = true;
  f.sender.path = smtp::ReversePath(mailbox("анна@partner.ru"));
  const std::optional<Report> report = compose(f);
  EXPECT_TRUE(report->needs_smtputf8);
  EXPECT_EQ(value(read(report).fields, "to"), "<анна@partner.ru>");
  f.ascii_only = true;
  EXPECT_FALSE(compose(f));
}

TEST(DsnReportUtf8, IsAsciiWhereTheWayBackIs) {
  Facts f = utf8_facts();
  f.ascii_only = true;
  f.header = "Subject: договор\r\n";
  const std::string message = std::string(f.header) + "\r\nтекст\r\n";
  f.message = message;
  f.recipients[0].reply = smtp::Reply(550, {5, 1, 1}, std::string("нет"));
  const std::optional<Report> report = compose(f);
  const ReadReport out = read(report);
  EXPECT_FALSE(report->needs_smtputf8);
  EXPECT_FALSE(report->needs_8bitmime);
  for (const char c : report->octets)
    ASSERT_LT(static_cast<unsigned char>(c), 0x80);
  EXPECT_EQ(value(out.parts[1].fields, "content-type"), "message/delivery-status");
  EXPECT_EQ(value(out.parts[2].fields, "content-type"), "text/rfc822-headers");
  const std::vector<Fields> groups = read_groups(out.parts[1].body);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(value(groups[1], "final-recipient"),
            "utf-8; \\x{43F}\\x{43E}\\x{447}\\x{442}\\x{430}@company.ru");
}

}  // namespace
}  // namespace postern::dsn
