// SPDX-License-Identifier: Apache-2.0
#include "routing/policy/protocol.h"

#include <gtest/gtest.h>

namespace postern::routing {
namespace {

PolicyAnswer answer(std::string_view action) {
  const auto parsed = parse_policy_answer("action=" + std::string(action) + "\n\n");
  EXPECT_TRUE(parsed) << action;
  return parsed ? *parsed : PolicyAnswer();
}

std::string mistake(std::string_view text) {
  const auto parsed = parse_policy_answer(text);
  return parsed ? "none" : parsed.error();
}

TEST(PolicyQuestion, IsLinesAndAnEmptyLine) {
  PolicyQuestion question;
  question.add("request", "smtpd_access_policy").add("size", std::uint64_t{12}).add("sender", "");
  EXPECT_EQ(std::move(question).finish(), "request=smtpd_access_policy\nsize=12\nsender=\n\n");
}

TEST(PolicyQuestion, NoValueMakesALineOfItsOwnOrARequestWithoutEnd) {
  PolicyQuestion question;
  question.add("helo_name", "a\nsender=x@y\r\n\n\x01\x7f=z").add("recipient", "ю@x");
  question.add("long", std::string(5000, 'l'));
  const std::string text = std::move(question).finish();
  EXPECT_EQ(text.substr(0, text.find("long=")),
            "helo_name=a?sender=x@y" + std::string(5, '?') + "=z\nrecipient=ю@x\n");
  EXPECT_EQ(text.size() - text.find("long="), 5 + PolicyQuestion::kMostValue + 2);
}

TEST(PolicyAnswer, EndsBehindItsEmptyLine) {
  EXPECT_EQ(policy_answer_end("action=DUNNO\n\nmore"), 14U);
  EXPECT_EQ(policy_answer_end("action=DUNNO\r\n\r\n"), 16U);
  EXPECT_EQ(policy_answer_end("\n"), 1U);
  for (const char* open : {"", "action=DUNNO", "action=DUNNO\n", "a=b\nc=d\n", "a=b\n\r"})
    EXPECT_EQ(policy_answer_end(open), std::string_view::npos) << open;
}

TEST(PolicyAnswer, WordsOfAccess5) {
  using enum PolicyAction;
  EXPECT_EQ(answer("DUNNO").action, none);
  EXPECT_EQ(answer("dunno").action, none);
  EXPECT_EQ(answer("OK").action, ok);
  EXPECT_EQ(answer("1").action, ok);
  EXPECT_EQ(answer("DISCARD spam").action, discard);
  EXPECT_EQ(answer("WARN look at this").action, told);
  EXPECT_EQ(answer("INFO score 3").text, "score 3");
  const PolicyAnswer prepend = answer("PREPEND X-Spam: yes");
  EXPECT_EQ(prepend.action, unsupported);
  EXPECT_EQ(prepend.verb, "PREPEND");
  for (const char* other :
       {"FILTER smtp:x", "REDIRECT a@b", "HOLD", "BCC a@b", "permit", "4", "45"})
    EXPECT_NE(answer(other).action, reject) << other;
}

TEST(PolicyAnswer, RefusalsHaveTheCodesOfPostfix) {
  using enum PolicyAction;
  // clang-format off
  const std::tuple<const char*, PolicyAction, const char*> rows[] = {
      {"REJECT", reject, "554 5.7.1 refused by policy"},
      {"REJECT go away", reject, "554 5.7.1 go away"},
      {"reject 5.7.26 SPF fails", reject, "554 5.7.26 SPF fails"},
      {"REJECT 4.7.1 odd", reject, "554 5.7.1 4.7.1 odd"},
      {"550 no", reject, "550 5.7.1 no"},
      {"550 5.1.8 bad sender", reject, "550 5.1.8 bad sender"},
      {"550", reject, "550 5.7.1 refused by policy"},
      {"521 gone", reject, "550 5.7.1 gone"},
      {"599 what", reject, "550 5.7.1 what"},
      {"DEFER", defer, "450 4.7.1 deferred by policy; try again later"},
      {"DEFER slowly", defer, "450 4.7.1 slowly"},
      {"451 4.3.0 db", defer, "451 4.3.0 db"},
      {"421 too many", defer, "450 4.7.1 too many"},
      {"DEFER_IF_PERMIT Greylisted", defer_if_permit, "450 4.7.1 Greylisted"},
      {"DEFER_IF_REJECT 4.1.8 dns", defer_if_reject, "450 4.1.8 dns"},
  };
  // clang-format on
  for (const auto& [text, action, line] : rows) {
    const PolicyAnswer got = answer(text);
    EXPECT_EQ(got.action, action) << text;
    EXPECT_EQ(got.reply.line(), line) << text;
  }
}

TEST(PolicyAnswer, NothingOfItReachesAClientRaw) {
  const PolicyAnswer bad = answer("REJECT a\x1b[31m\tb\rc юг\x80 " + std::string(1000, 'x'));
  const std::string text(bad.reply.text());
  EXPECT_EQ(text.substr(0, 12), "a [31m b c ?");
  EXPECT_LE(text.size(), kMostPolicyText);
  for (const char c : text)
    EXPECT_TRUE(c >= 0x20 && c < 0x7F) << static_cast<int>(c);
  EXPECT_LE(answer(std::string(500, 'v')).verb.size(), 40U);
}

TEST(PolicyAnswer, OtherAttributesArePassedOverAndTheLastActionCounts) {
  const auto parsed = parse_policy_answer("x=1\r\naction=DUNNO\r\naction=REJECT no\r\ny=\r\n\r\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->reply.line(), "554 5.7.1 no");
}

TEST(PolicyAnswer, WhatIsNoneIsToldInOneLine) {
  EXPECT_EQ(mistake("\n"), "an answer without an action");
  EXPECT_EQ(mistake("x=y\n\n"), "an answer without an action");
  EXPECT_EQ(mistake("action=\n\n"), "an answer with an empty action");
  EXPECT_EQ(mistake("action= \t\n\n"), "an answer with an empty action");
  EXPECT_EQ(mistake("HTTP/1.1 400 Bad Request\n\n"),
            "\"HTTP/1.1 400 Bad Request\" is no line of an answer");
  EXPECT_EQ(mistake("=x\n\n"), "\"=x\" is no line of an answer");
}

}  // namespace
}  // namespace postern::routing
