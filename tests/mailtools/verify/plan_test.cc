// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/plan.h"

#include "plans.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace postern::verify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(VerifyPlan, AnEmptyFileIsCompletedFromTheConfig) {
  const gateway::Config config = gateway_config();
  const PlanResult result = plan_of("", config);
  ASSERT_TRUE(result.plan);
  const Plan& plan = *result.plan;
  EXPECT_EQ(plan.domain, "company.ru");
  EXPECT_EQ(plan.alias, "tech.company.ru");
  EXPECT_EQ(plan.old_hop->name, "exchange");
  EXPECT_EQ(plan.new_hop->name, "vk");
  EXPECT_EQ(plan.old_smtp.str(), "10.0.0.5:25");
  EXPECT_EQ(plan.new_smtp.str(), "10.0.1.10:25");
  EXPECT_EQ(plan.gateway_mx.str(), "203.0.113.10:25");
  EXPECT_THAT(plan.gateway_names, ElementsAre("gw.company.ru"));
  EXPECT_THAT(plan.gateway_addresses, ElementsAre(*parse_ip("203.0.113.10")));
  EXPECT_THAT(plan.mailboxes, IsEmpty());
}

TEST(VerifyPlan, TheExampleIsSoundAndGivesEveryMailbox) {
  const gateway::Config config = gateway_config();
  const PlanResult result = plan_of(example_plan(), config);
  for (const gateway::Finding& finding : result.findings)
    ADD_FAILURE() << format_text(finding);
  ASSERT_TRUE(result.plan);
  std::vector<std::string> names;
  for (const Mailbox& box : result.plan->mailboxes)
    names.push_back(box.name());
  EXPECT_THAT(names,
              ElementsAre("X:boris@company.ru",
                          "X:ivan@company.ru",
                          "V:ivan@company.ru",
                          "V:vera@company.ru",
                          "V:olga@company.ru",
                          "E:company.test@corp.com"));
  EXPECT_EQ(result.plan->mailboxes.front().password, "secret");
  EXPECT_EQ(result.plan->mailboxes.front().server.port, 993);
  EXPECT_TRUE(result.plan->mailboxes.front().server.verify);
  EXPECT_EQ(result.plan->mailboxes.front().server.ca, "/etc/postern/verify/exchange-ca.pem");
  EXPECT_TRUE(result.plan->mailboxes.back().server.verify) << "the default, where there is TLS";
  EXPECT_EQ(result.plan->submission->str(), "smtp.company.ru:465");
}

TEST(VerifyPlan, TheDocumentedFileIsTheExample) {
  std::ifstream file(POSTERN_SOURCE_DIR "/docs/examples/verify.toml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), example_plan());
}

TEST(VerifyPlan, OneUserInTwoRolesHasOneMailbox) {
  const gateway::Config config = gateway_config();
  const PlanResult result = plan_of(
      "[new_platform]\nimap = { server = \"v\" }\n"
      "[user.migrated]\naddress = \"Ivan@company.ru\"\nnew = { password_file = \"/p\" }\n"
      "[user.sender]\naddress = \"ivan@company.ru\"\nnew = { password_file = \"/p\" }\n",
      config);
  ASSERT_TRUE(result.plan);
  EXPECT_EQ(result.plan->mailboxes.size(), 1U);
  EXPECT_EQ(result.plan->find(Role::migrated, Side::new_platform), 0U);
  EXPECT_EQ(result.plan->find(Role::sender, Side::new_platform), 0U);
  EXPECT_EQ(result.plan->find(Role::sender, Side::old_server), std::nullopt);
}

struct Broken {
  const char* text;
  unsigned line;
  const char* key;
  const char* code;
  const char* says;
};

class BrokenPlan : public testing::TestWithParam<Broken> {};

TEST_P(BrokenPlan, HasAFindingWithItsPlace) {
  const gateway::Config config = gateway_config();
  const PlanResult result = plan_of(GetParam().text, config);
  EXPECT_FALSE(result.plan);
  ASSERT_FALSE(result.findings.empty());
  const gateway::Finding& finding = result.findings.front();
  EXPECT_EQ(finding.file, "verify.toml");
  EXPECT_EQ(finding.line, GetParam().line) << format_text(finding);
  EXPECT_EQ(finding.key, GetParam().key) << format_text(finding);
  EXPECT_EQ(finding.code, GetParam().code) << format_text(finding);
  EXPECT_THAT(finding.message, HasSubstr(GetParam().says));
}

/// A call for each, since clang-format aligns braces.
Broken broken(
    const char* text, unsigned line, const char* key, const char* code, const char* says) {
  return {text, line, key, code, says};
}

const Broken kBroken[] = {
    broken("domian = \"company.ru\"", 1, "domian", "unknown-key", "write \"domain\" instead"),
    broken(
        "\ndomain = \"compny.ru\"", 2, "domain", "unknown-domain", "write one of \"company.ru\""),
    broken("helo = \"a b\"", 1, "helo", "bad-domain", "gw.company.ru"),
    broken("unknown = \"nobody\"", 1, "unknown", "bad-address", "...@company.ru"),
    broken("unknown = \"a@corp.com\"", 1, "unknown", "bad-address", "no address of company.ru"),
    broken("group = \"a>@company.ru\"", 1, "group", "bad-address", "company.ru"),
    broken("[gateway]\nmx = \"mx:company.ru\"", 2, "gateway.mx", "bad-host", "is no server"),
    broken("[gateway]\naddresses = [\"10.0.0.1\", \"gw\"]",
           2,
           "gateway.addresses",
           "bad-address",
           "203.0.113.10"),
    broken("[old_server]\nnext_hop = \"exchnge\"",
           2,
           "old_server.next_hop",
           "unknown-next-hop",
           "\"exchange\", \"vk\""),
    broken("[old_server]\nimap = { tls = \"implicit\" }",
           2,
           "old_server.imap",
           "missing-key",
           "write server"),
    broken("[old_server]\nimap = { server = \"ex\", tls = \"ssl\" }",
           2,
           "old_server.imap.tls",
           "bad-value",
           "\"implicit\""),
    broken("[old_server]\nimap = { server = \"127.0.0.1\", tls = \"none\", verify = true }",
           2,
           "old_server.imap.verify",
           "contradiction",
           "starttls"),
    broken("[old_server]\nimap = { server = \"10.0.0.5\", tls = \"none\" }",
           2,
           "old_server.imap.tls",
           "contradiction",
           "in clear"),
    broken("[new_platform]\nimap = { server = \"v\", folders = [] }",
           2,
           "new_platform.imap.folders",
           "out-of-range",
           "INBOX"),
    broken(
        "[new_platform]\nsubmission = { server = \"v:25\", user = \"u\", password_file = \"/p\" }",
        2,
        "new_platform.submission.tls",
        "contradiction",
        "in clear"),
    broken("[user.migrated]\naddress = \"ivan@corp.com\"",
           2,
           "user.migrated.address",
           "bad-address",
           "ivan@company.ru"),
    broken("[user.migrated]\nold = { password_file = \"/p\" }",
           1,
           "user.migrated",
           "missing-key",
           "address"),
    broken("[user.migrated]\naddress = \"i@company.ru\"\nold = { password_file = \"/p\" }",
           3,
           "user.migrated.old.user",
           "missing-key",
           "[old_server]"),
    broken("[user.migrate]\naddress = \"i@company.ru\"",
           1,
           "user.migrate",
           "unknown-key",
           "\"migrated\""),
    broken("[old_server]\nimap = { server = \"ex\" }\n[user.migrated]\naddress = "
           "\"i@company.ru\"\nold = "
           "{ user = \"i\" }",
           5,
           "user.migrated.old",
           "missing-key",
           "password_file"),
    broken("[old_server]\nimap = { server = \"ex\" }\n[user.migrated]\naddress = \"i@company.ru\"\n"
           "old = { password_file = \"secret\" }",
           5,
           "user.migrated.old.password_file",
           "bad-value",
           "from the root on"),
    broken("[old_server]\nimap = { server = \"ex\" }\n[user.migrated]\naddress = \"i@company.ru\"\n"
           "old = { password_file = \"/absent\" }",
           5,
           "user.migrated.old.password_file",
           "unreadable",
           "/absent gives no password"),
    broken("[old_server]\nimap = { server = \"ex\" }\n[user.migrated]\naddress = \"i@company.ru\"\n"
           "old = { password_file = \"/empty\" }",
           5,
           "user.migrated.old.password_file",
           "bad-value",
           "one line"),
    broken("[outside]\naddress = \"nina@company.ru\"",
           2,
           "outside.address",
           "bad-address",
           "another domain"),
    broken("[outside]\nuser = \"nina\"", 1, "outside", "missing-key", "address"),
    broken("[connect_from]\noutside = \"eth0\"",
           2,
           "connect_from.outside",
           "bad-address",
           "this machine's"),
    broken("[connect_from]\nstranger = 5", 2, "connect_from.stranger", "wrong-type", "write"),
    broken("a = ", 1, "", "syntax", ""),
};
INSTANTIATE_TEST_SUITE_P(All, BrokenPlan, testing::ValuesIn(kBroken));

TEST(VerifyPlan, PasswordsMayGoInClearWithinTheMachine) {
  const gateway::Config config = gateway_config();
  for (const char* host : {"localhost", "127.0.0.5", "[::1]:143"}) {
    const PlanResult result = plan_of(
        fmt::format("[old_server]\nimap = {{ server = \"{}\", tls = \"none\" }}", host), config);
    EXPECT_TRUE(result.plan) << host << ": " << format_text(result.findings.front());
  }
}

TEST(VerifyPlan, TwoExchangesWantAName) {
  std::string text(kGatewayConfig);
  text.replace(text.find("vk_workspace"), 12, "exchange");
  const gateway::Config config = gateway_config(text);
  const PlanResult result = plan_of("", config);
  EXPECT_FALSE(result.plan);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings.front().code, "missing-key");
}

}  // namespace
}  // namespace postern::verify
