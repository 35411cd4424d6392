// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

LetterRecord record() {
  LetterRecord r;
  r.letter = "0A1";
  r.session = "0A0";
  r.client = "10.0.0.5";
  r.listener = "mx";
  r.sender = "a@corp.com";
  r.recipient = "u@tech.company.ru";
  r.recipient_out = "u@tech.company.ru";
  r.octets = 1234;
  r.decision = "route";
  r.stage = "mailboxes";
  r.reason = "mailboxes of company.ru";
  r.told = "wave pilot: dual (p.txt, line 2)";
  r.next_hop = "vk";
  r.host = "10.0.1.10:25";
  r.reply = "250 2.0.0 taken";
  r.outcome = "delivered";
  r.took = std::chrono::microseconds(12345);
  return r;
}

TEST(LetterLog, SaysInOneLineWhereALetterWentAndWhy) {
  EXPECT_EQ(format_text(record()),
            "letter id=0A1 session=0A0 client=10.0.0.5 listener=mx from=<a@corp.com> "
            "to=<u@tech.company.ru> "
            "out=<u@tech.company.ru> size=1234 outcome=delivered decision=route stage=mailboxes "
            "reason=\"mailboxes of company.ru\" told=\"wave pilot: dual (p.txt, line 2)\" hop=vk "
            "host=10.0.1.10:25 reply=\"250 2.0.0 taken\" "
            "seconds=0.012345");
}

TEST(LetterLog, LeavesOutWhatIsNotKnown) {
  LetterRecord r = record();
  r.host = {};
  r.octets = 0;
  const std::string line = format_text(r);
  EXPECT_EQ(line.find(" host="), std::string::npos);
  EXPECT_EQ(line.find(" size="), std::string::npos);
}

TEST(LetterLog, LetsNoValueForgeAnotherKeyOrLine) {
  LetterRecord r = record();
  r.sender = "\"x\" outcome=delivered\n@y";
  const std::string line = format_text(r);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find("from=\"<\\\"x\\\" outcome=delivered\\x0a@y>\""), std::string::npos) << line;
}

TEST(LetterLog, SaysWhatASessionRefusedByItself) {
  SessionRecord r;
  r.session = "0A0";
  r.client = "192.0.2.7";
  r.listener = "submission";
  r.event = "refused";
  r.command = "MAIL FROM:<a@corp.com> event=forged";
  r.why = "530 5.7.0 authentication is required";
  EXPECT_EQ(format_text(r),
            "session id=0A0 client=192.0.2.7 listener=submission event=refused "
            "command=\"MAIL FROM:<a@corp.com> event=forged\" "
            "why=\"530 5.7.0 authentication is required\"");
  const nlohmann::json json = nlohmann::json::parse(format_json(r));
  EXPECT_EQ(json["event"], "session");
  EXPECT_EQ(json["what"], "refused");
}

TEST(LetterLog, NamesTheAccountOfALogin) {
  SessionRecord r;
  r.session = "0A0";
  r.client = "192.0.2.7";
  r.event = "login_failed";
  r.command = "PLAIN";
  r.account = "ann event=login";
  r.why = "wrong";
  EXPECT_EQ(format_text(r),
            "session id=0A0 client=192.0.2.7 event=login_failed command=PLAIN "
            "account=\"ann event=login\" why=wrong");
  EXPECT_EQ(nlohmann::json::parse(format_json(r))["account"], "ann event=login");
}

TEST(LetterLog, NullSenderIsVisible) {
  LetterRecord r = record();
  r.sender = {};
  EXPECT_NE(format_text(r).find(" from=<> "), std::string::npos);
}

TEST(LetterLog, JsonHoldsTheSameAndSurvivesWrongUtf8) {
  LetterRecord r = record();
  r.sender = "\xff@corp.com";
  const nlohmann::json parsed = nlohmann::json::parse(format_json(r));
  EXPECT_EQ(parsed["to"], "u@tech.company.ru");
  EXPECT_EQ(parsed["size"], 1234);
  EXPECT_EQ(parsed["stage"], "mailboxes");
  EXPECT_EQ(parsed["hop"], "vk");
  EXPECT_DOUBLE_EQ(parsed["seconds"], 0.012345);
}

}  // namespace
}  // namespace postern::gateway
