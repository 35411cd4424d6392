// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/arrival.h"

#include "mailtools/verify/folder_name.h"
#include "mailtools/verify/letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(VerifySearch, UidsOfTheAnswer) {
  EXPECT_THAT(parse_search("* SEARCH 3 17 4\r\n"), ElementsAre(3, 17, 4));
  EXPECT_THAT(parse_search("* 5 EXISTS\r\n* search 9\r\nA1 OK\r\n"), ElementsAre(9));
  EXPECT_THAT(parse_search("* SEARCH\r\n"), IsEmpty());
  EXPECT_THAT(parse_search("* SEARCH 0 -1 x 99999999999 7(MODSEQ 3) 8\r\n"), ElementsAre(8));
  EXPECT_THAT(parse_search("* SEARCH 1 2 3 4", 2), ElementsAre(1, 2));
}

TEST(VerifyList, FoldersThatCanBeSelected) {
  EXPECT_THAT(parse_list("* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
                         "* LIST (\\Noselect) \"/\" \"Public\"\r\n"
                         "* LIST (\\Junk) \"/\" \"&BCEEPwQwBDw-\"\r\n"
                         "* LIST () NIL \"a \\\"b\\\\c\"\r\n"
                         "* LIST () \"/\" {5}\r\nthing\r\nA1 OK\r\n"),
              ElementsAre("INBOX", "&BCEEPwQwBDw-", "a \"b\\c"));
  EXPECT_THAT(parse_list("* LIST (\r\n* LIST ()\r\n* LIST () \"\r\n"), IsEmpty());
  EXPECT_THAT(parse_list("* LIST () / a\n* LIST () / b\n", 1), ElementsAre("a"));
}

constexpr std::string_view kCopy =
    "Received: from gw.company.ru (unknown [127.0.0.1])\r\n"
    "\tby workspace.company.ru (Postfix) with ESMTP id 3; Tue, 1 Dec 2026 00:00:03 +0000\r\n"
    "Received: from exchange.company.ru (ex [10.0.0.5])\r\n\tby gw.company.ru (postern) with ESMTP "
    "id 2; Tue, 1 Dec 2026 00:00:02 +0000\r\n"
    "Received: from nina (unknown [IPv6:2001:db8::9]) by gw.company.ru (postern); x\r\n"
    "Subject: postern verify pv-0a-S2\r\nX-POSTERN-verify:  pv-0a-S2\r\n\r\nbody\r\n";

TEST(VerifyArrival, ACopyWithItsPath) {
  const auto arrival = examine(kCopy, "pv-0a", "gw.company.ru");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->token, "pv-0a-S2");
  EXPECT_FALSE(arrival->bounce);
  EXPECT_THAT(arrival->path, ElementsAre("gw.company.ru", "workspace.company.ru"));
  EXPECT_EQ(arrival->client_at_gateway, "2001:db8::9") << "the first pass counts";
  EXPECT_EQ(arrows(arrival->path), "gw.company.ru -> workspace.company.ru");
}

std::string client_in(const std::string& received) {
  const auto arrival =
      examine("Received: " + received + "\r\nX-Postern-Verify: pv-0a-S2\r\n\r\n", "pv-0a", "gw");
  return arrival ? arrival->client_at_gateway : "no arrival";
}

TEST(VerifyArrival, TheClientBesideABracketedGreeting) {
  EXPECT_EQ(client_in("from [10.0.0.9] (ex [192.0.2.1]) by gw (postern) with SMTP"), "192.0.2.1");
  EXPECT_EQ(client_in("from [IPv6:2001:db8::9] ([IPv6:2001:DB8::1]) by gw (postern)"),
            "2001:DB8::1");
  EXPECT_EQ(client_in("from ex by gw ([10.0.0.1])"), "") << "that is the gateway's own";
  EXPECT_EQ(client_in("from ex (x [10.0.0.1) by gw"), "");
}

TEST(VerifyArrival, ACopyThatHasLostItsMark) {
  const auto arrival =
      examine("Message-Id: <pv-0a-S2@gw.company.ru>\r\n\r\nbody\r\n", "pv-0a", "gw");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->token, "pv-0a-S2");
  EXPECT_FALSE(examine("In-Reply-To: <pv-0a-S2@gw>\r\n\r\nout of office\r\n", "pv-0a", "gw"));
}

TEST(VerifyArrival, WhatIsNotOfTheRun) {
  EXPECT_FALSE(examine(kCopy, "pv-0b", "gw.company.ru"));
  EXPECT_FALSE(examine("", "pv-0a", "gw"));
  EXPECT_FALSE(examine(kCopy, "", "gw"));
  EXPECT_FALSE(examine("Subject: about pv-0a-S2\r\n\r\n> pv-0a-S2\r\n", "pv-0a", "gw"))
      << "an answer that quotes it is neither copy nor report";
}

std::string report(std::string_view status) {
  return "From: MAILER-DAEMON\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
         "\tboundary=\"b\"\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
         "Reporting-MTA: dns; ex\r\n\r\nFinal-Recipient: rfc822; ivan@tehc.company.ru\r\n"
         "Action: failed\r\nStatus: " +
         std::string(status) +
         "\r\nDiagnostic-Code: smtp; 550 5.1.1 no such\r\n    user here\r\n\r\n--b\r\n"
         "Content-Type: text/rfc822-headers\r\n\r\nX-Postern-Verify: pv-0a-S2\r\n--b--\r\n";
}

TEST(VerifyArrival, AReportWithItsReason) {
  const auto arrival = examine(report("5.1.1"), "pv-0a", "gw");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->token, "pv-0a-S2");
  ASSERT_TRUE(arrival->bounce);
  EXPECT_EQ(arrival->bounce->recipient, "ivan@tehc.company.ru");
  EXPECT_EQ(arrival->bounce->status, "5.1.1");
  EXPECT_EQ(arrival->bounce->diagnostic, "550 5.1.1 no such user here");
}

TEST(VerifyArrival, ReceiptsAndWarningsAreNoFailures) {
  EXPECT_FALSE(examine(report("2.0.0"), "pv-0a", "gw"));
  EXPECT_FALSE(examine(report("4.4.1"), "pv-0a", "gw"));
}

TEST(VerifyLetter, IsFoundAgainByItsOwnMark) {
  const std::string run = new_run();
  const std::string token = token_of(run, "S7b");
  const std::string letter =
      compose(token, "a title", "nina@corp.com", "ivan@company.ru", "gw.company.ru", {});
  const auto arrival = examine(letter, run, "gw.company.ru");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->token, token);
  EXPECT_EQ(letter.find("\r\n."), std::string::npos) << "nothing to be stuffed";
  EXPECT_EQ(letter.find("\n\n"), std::string::npos);
  EXPECT_TRUE(letter.ends_with("\r\n"));
}

TEST(VerifyLetter, RunsDiffer) {
  std::set<std::string> runs;
  for (int i = 0; i < 100; ++i)
    runs.insert(new_run());
  EXPECT_EQ(runs.size(), 100U);
  EXPECT_EQ(runs.begin()->size(), 15U);
}

TEST(VerifyFolder, NamesAsImapWritesThem) {
  EXPECT_EQ(imap_folder_name("INBOX"), "INBOX");
  EXPECT_EQ(imap_folder_name("Спам"), "&BCEEPwQwBDw-");
  EXPECT_EQ(imap_folder_name("R&D"), "R&-D");
  EXPECT_EQ(imap_folder_name("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-")
      << "RFC 3501 5.1.3";
  EXPECT_EQ(imap_folder_name("\U0001F600"), "&2D3eAA-");
  EXPECT_EQ(imap_folder_name("\xff"), "&,,0-");
  EXPECT_EQ(imap_folder_name("\xd0"), "&,,0-") << "cut short";
}

TEST(VerifyFolder, NamesAsPeopleReadThem) {
  for (const char* name : {"INBOX", "Спам", "R&D", "~peter/mail/台北/日本語", "\U0001F600 &-"})
    EXPECT_EQ(people_folder_name(imap_folder_name(name)), name);
  for (const char* none : {"&", "&BCE", "&!-", "&2D0-", "&BC-", "&3gA-"})
    EXPECT_EQ(people_folder_name(none), none);
}

TEST(VerifyHeader, IsBounded) {
  std::string many;
  for (int i = 0; i < 2000; ++i)
    many += "A: b\r\n";
  EXPECT_EQ(parse_header(many).size(), 500U);
  EXPECT_LE(parse_header("A: " + std::string(1 << 20, 'x')).front().value.size(), 16384U);
  EXPECT_THAT(parse_header(" folded before any\r\nno colon\r\n: no name\r\n\r\nA: b\r\n"),
              IsEmpty());
}

}  // namespace
}  // namespace postern::verify
