// SPDX-License-Identifier: Apache-2.0
// [[policy]]: what is wrong with it in a config, and where.
#include "gateway/check.h"
#include "gateway/proof/prove.h"
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

const std::string kPolicy = "[[policy]]\nname = \"p\"\nserver = \"inet:127.0.0.1:1\"\n";

/// Something appended to kSmall, whose first line is then line 22, and its one finding.
struct Case {
  std::string_view name;
  std::string text;
  unsigned line;
  std::string_view key;
  std::string_view code;
  std::string_view advice;
};
std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class PolicyConfigTest : public testing::TestWithParam<Case> {};

TEST_P(PolicyConfigTest, IsOneErrorAtItsPlace) {
  const LoadResult loaded = parse(std::string(kSmall) + GetParam().text);
  EXPECT_FALSE(loaded.config);
  ASSERT_EQ(loaded.findings.size(), 1U) << shown(loaded.findings);
  const Finding& finding = loaded.findings[0];
  EXPECT_EQ(finding.line, GetParam().line);
  EXPECT_EQ(finding.key, GetParam().key);
  EXPECT_EQ(finding.code, GetParam().code);
  EXPECT_NE(finding.message.find(GetParam().advice), std::string::npos) << finding.message;
}

// clang-format off
const Case kCases[] = {
    {"NoName", "[[policy]]\nserver = \"unix:/p\"\n", 22, "policy", "missing-key", "name"},
    {"NoServer", "[[policy]]\nname = \"p\"\n", 22, "policy", "missing-key", "server"},
    {"NameOfTwoWords", "[[policy]]\nname = \"a b\"\nserver = \"unix:/p\"\n", 23, "policy.name", "bad-value", "one word"},
    {"ServerByName", "[[policy]]\nname = \"p\"\nserver = \"inet:localhost:10023\"\n", 24, "policy.server", "bad-value", "inet:127.0.0.1:10023"},
    {"ServerWithoutKind", "[[policy]]\nname = \"p\"\nserver = \"/run/p\"\n", 24, "policy.server", "bad-value", "unix:/path"},
    {"NoTimeout", kPolicy + "timeout = \"0s\"\n", 25, "policy.timeout", "out-of-range", "1ms"},
    {"OnFailure", kPolicy + "on_failure = \"reject\"\n", 25, "policy.on_failure", "bad-value", "\"defer\""},
    {"NoConnection", kPolicy + "connections = 0\n", 25, "policy.connections", "out-of-range", "1"},
    {"RecipientIsNone", kPolicy + "recipients = [\"company.ru\"]\n", 25, "policy.recipients", "bad-pattern", "@company.ru"},
    {"RecipientIsNull", kPolicy + "recipients = [\"\"]\n", 25, "policy.recipients", "bad-pattern", "@company.ru"},
    {"Twice", kPolicy + kPolicy, 26, "policy.name", "duplicate-name", "line 23"},
    {"StageOfNone", kPolicy + "[routing]\nstages = [\"policy:q\"]\n", 26, "routing.stages", "unknown-stage", "\"policy:p\""},
    {"StageTwice", kPolicy + "[routing]\nstages = [\"policy:p\", \"policy:p\"]\n", 26, "routing.stages", "duplicate-stage", "leave one out"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Table, PolicyConfigTest, testing::ValuesIn(kCases), [](const auto& info) {
  return std::string(info.param.name);
});

TEST(PolicyCheck, OneThatNoStageAsksIsAWarning) {
  for (const auto& [stages, findings] : {std::pair("[\"loop_guard\", \"policy\"]", 0),
                                         std::pair("[\"loop_guard\", \"policy:p\"]", 0),
                                         std::pair("[\"loop_guard\"]", 1)}) {
    const LoadResult loaded =
        parse(std::string(kSmall) + kPolicy + "[routing]\nstages = " + stages + "\n");
    ASSERT_TRUE(loaded.config) << shown(loaded.findings);
    int count = 0;
    for (const Finding& finding : check(*loaded.config)) {
      if (finding.key != "policy.name") continue;
      ++count;
      EXPECT_EQ(finding.code, "stage-left-out");
      EXPECT_EQ(finding.line, 23U);
    }
    EXPECT_EQ(count, findings) << stages;
  }
}

/// Nobody listens at the port of kPolicy: asking it would be a deferral, and an error of the proof.
TEST(PolicyProof, AsksNobodyAndSaysTheSameAsWithoutIt) {
  const LoadResult with = parse(std::string(kSmall) + kPolicy);
  const LoadResult without = parse(kSmall);
  const proof::Proof a = proof::prove(*with.config);
  const proof::Proof b = proof::prove(*without.config);
  EXPECT_EQ(a.letters, b.letters);
  EXPECT_GT(a.letters, 0U);
  EXPECT_EQ(shown(a.findings), shown(b.findings));
}

TEST(PolicySnapshot, HasTheStageThatTheConfigNames) {
  LoadResult loaded =
      parse(std::string(kSmall) + kPolicy +
            "[routing]\nstages = [\"relay_access\", \"policy:p\", \"custom_route\"]\n");
  const auto snapshot = Snapshot::build(std::move(*loaded.config));
  ASSERT_TRUE(snapshot) << shown(snapshot.error());
  routing::Request request;
  request.client = *parse_ip("203.0.113.9");
  request.recipient = *smtp::Mailbox::parse("u@company.ru");
  const auto retry = (*snapshot)->pipeline().decide_now(request);
  ASSERT_TRUE(retry);
  ASSERT_EQ(retry->trace.size(), 3U);
  EXPECT_EQ(retry->trace[1].stage, "policy:p");
  EXPECT_EQ(retry->trace[1].verdict, "pass");
  request.session.emplace();
  EXPECT_FALSE((*snapshot)->pipeline().decide_now(request)) << "it would have to ask";
}

}  // namespace
}  // namespace postern::gateway
