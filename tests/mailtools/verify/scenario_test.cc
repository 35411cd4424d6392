// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/scenario.h"

#include "plans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace postern::verify {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kAll = R"([old_server]
imap = { server = "x" }
[new_platform]
imap = { server = "v" }
submission = { server = "v:25" }
[user.unmigrated]
address = "boris@company.ru"
old = { password_file = "/p" }
new = { password_file = "/p" }
[user.migrated]
address = "ivan@company.ru"
old = { password_file = "/p" }
new = { password_file = "/p" }
[user.cut_over]
address = "vera@company.ru"
new = { password_file = "/p" }
[user.sender]
address = "olga@company.ru"
new = { password_file = "/p" }
[outside]
address = "nina@corp.com"
imap = { server = "e" }
password_file = "/p"
)";

class VerifyScenarios : public testing::Test {
 protected:
  const gateway::Config config_ = gateway_config();
  const Plan plan_ = plan_of(kAll, config_).plan.value();
  const std::vector<Scenario> all_ = scenarios_of(plan_, config_);
  std::vector<Watched> watched_{plan_.mailboxes.size()};

  std::string client_ = "10.9.9.9";  ///< whom the gateway has seen

  const Scenario& scenario(std::string_view name) const {
    const auto found = std::find_if(
        all_.begin(), all_.end(), [&](const Scenario& one) { return one.name == name; });
    EXPECT_NE(found, all_.end()) << name;
    return *found;
  }
  void arrive(Role role, Side side, const std::string& token, std::optional<Bounce> bounce = {}) {
    watched_[plan_.find(role, side).value()].arrivals.push_back({
        token, std::move(bounce), {"exchange.company.ru", "gw.company.ru"},
          client_
    });
  }
  Row judged(std::string_view name, Handed handed = taken()) const {
    return judge(plan_,
                 scenario(name),
                 std::string("pv-1-") + std::string(name),
                 "X 10.0.0.5:25",
                 handed,
                 watched_);
  }
  static Handed taken() {
    Handed handed;
    handed.reached = true;
    handed.local_address = "10.9.9.9";
    return handed;
  }
  static Handed refused(int code,
                        smtp::EnhancedStatus status,
                        std::string text,
                        Step step = Step::recipient) {
    Handed handed = taken();
    handed.step = step;
    handed.refusal = smtp::Reply(code, status, Text(std::move(text)));
    return handed;
  }
  static std::vector<std::string> codes(const Row& row) {
    std::vector<std::string> out;
    for (const Trouble& one : row.troubles) {
      EXPECT_NE(find_advice(one.code), nullptr) << one.code;
      out.push_back(one.code);
    }
    return out;
  }
};

TEST_F(VerifyScenarios, AllOfThemWhereEverythingIsGiven) {
  std::vector<std::string> names;
  for (const Scenario& one : all_) {
    names.push_back(one.name);
    EXPECT_EQ(one.skipped, "") << one.name;
    EXPECT_EQ(one.blind, "") << one.name;
  }
  EXPECT_THAT(names,
              ElementsAre("S1",
                          "S2",
                          "S6",
                          "S3",
                          "S4",
                          "S5",
                          "S7b",
                          "R4",
                          "R5",
                          "S7",
                          "S8",
                          "S9-unknown",
                          "S9-passes",
                          "S9-hops"));
  EXPECT_EQ(scenario("R4").to, "ivan@tech.company.ru");
  EXPECT_EQ(scenario("S7").to, "boris@tech.company.ru");
  EXPECT_EQ(scenario("S4").from, "olga@company.ru");
  EXPECT_EQ(scenario("S2").from, "nina@corp.com");
}

TEST_F(VerifyScenarios, WithoutAnythingEachSaysWhatIsMissing) {
  const Plan empty = plan_of("", config_).plan.value();
  for (const Scenario& one : scenarios_of(empty, config_)) {
    if (one.name == "S8") continue;
    EXPECT_THAT(one.skipped, HasSubstr("the test's file has no")) << one.name;
    const Row row = judge(empty, one, "t", "door", {}, {});
    EXPECT_EQ(row.verdict, Verdict::not_tested) << one.name;
    EXPECT_EQ(row.why, one.skipped);
  }
}

TEST_F(VerifyScenarios, TheRedirectIsOfTheConfig) {
  std::string text(kGatewayConfig);
  text.replace(text.find("unknown_redirect = \"exchange\", "), 31, "");
  const gateway::Config config = gateway_config(text);
  const Plan plan = plan_of(kAll, config).plan.value();
  const std::vector<Scenario> all = scenarios_of(plan, config);
  EXPECT_THAT(
      all,
      Contains(AllOf(Field(&Scenario::name, "S7"), Field(&Scenario::skipped, HasSubstr("R9")))));
}

TEST_F(VerifyScenarios, OneCopyInEachPasses) {
  arrive(Role::migrated, Side::old_server, "pv-1-S2");
  EXPECT_FALSE(is_complete(scenario("S2"), "pv-1-S2", watched_));
  arrive(Role::migrated, Side::new_platform, "pv-1-S2");
  EXPECT_TRUE(is_complete(scenario("S2"), "pv-1-S2", watched_));
  const Row row = judged("S2");
  EXPECT_EQ(row.verdict, Verdict::passed);
  EXPECT_EQ(row.expected, "X:ivan@company.ru 1, V:ivan@company.ru 1");
  EXPECT_EQ(row.found, row.expected);
  EXPECT_THAT(row.paths, Contains("V:ivan@company.ru: exchange.company.ru -> gw.company.ru"));
}

TEST_F(VerifyScenarios, ACopyThatIsMissingNamesWhoLostIt) {
  arrive(Role::migrated, Side::old_server, "pv-1-S2");
  EXPECT_THAT(codes(judged("S2")), ElementsAre("x-forwarding"));
  EXPECT_THAT(codes(judged("S1")), ElementsAre("x-mailbox"));
  EXPECT_THAT(codes(judged("S3")), ElementsAre("v-route"));
  EXPECT_THAT(codes(judged("S4")), ElementsAre("v-route")) << "nothing in X explains nothing in V";
  EXPECT_THAT(codes(judged("S5")), ElementsAre("v-outside"));
  EXPECT_THAT(codes(judged("S6")), ElementsAre("x-internal-relay"));
  EXPECT_THAT(codes(judged("R4")), ElementsAre("g-alias"));
  EXPECT_THAT(codes(judged("R5")), ElementsAre("g-cutover"));
  EXPECT_THAT(codes(judged("S7")), ElementsAre("g-unknown-redirect"));
  EXPECT_THAT(codes(judged("S7b")), ElementsAre("bounce-missing"));
}

TEST_F(VerifyScenarios, ACopyAmongTheSpam) {
  arrive(Role::migrated, Side::old_server, "pv-1-S2");
  EXPECT_FALSE(is_complete(scenario("S2"), "pv-1-S2", watched_));
  watched_[plan_.find(Role::migrated, Side::new_platform).value()].elsewhere["pv-1-S2"] = "Спам";
  EXPECT_TRUE(is_complete(scenario("S2"), "pv-1-S2", watched_)) << "it is not waited for";
  const Row row = judged("S2");
  EXPECT_THAT(codes(row), ElementsAre("copy-in-other-folder"));
  EXPECT_EQ(row.troubles.front().what, "V:ivan@company.ru has it in \"Спам\"");
}

TEST_F(VerifyScenarios, CopiesTooMany) {
  client_ = "10.0.1.10";
  arrive(Role::migrated, Side::old_server, "pv-1-S4");
  arrive(Role::migrated, Side::new_platform, "pv-1-S4");
  arrive(Role::migrated, Side::new_platform, "pv-1-S4");
  EXPECT_THAT(codes(judged("S4")), ElementsAre("copy-twice"));
  arrive(Role::unmigrated, Side::old_server, "pv-1-S1");
  arrive(Role::unmigrated, Side::new_platform, "pv-1-S1");
  const Row row = judged("S1");
  EXPECT_THAT(codes(row), ElementsAre("copy-unexpected"));
  EXPECT_THAT(row.troubles.front().what, HasSubstr("V:boris@company.ru has 1, must have 0"));
}

TEST_F(VerifyScenarios, ReportsSayWhy) {
  arrive(Role::migrated, Side::old_server, "pv-1-S2");
  arrive(
      Role::outside, Side::outside, "pv-1-S2", Bounce{"ivan@tehc.company.ru", "5.1.1", "550 no"});
  EXPECT_THAT(codes(judged("S2")), ElementsAre("x-forwarding", "x-forwarding-address"));
  EXPECT_TRUE(is_complete(scenario("S2"), "pv-1-S2", watched_)) << "it is not waited for";
  EXPECT_FALSE(is_complete(scenario("S1"), "pv-1-S1", watched_));
  arrive(Role::sender,
         Side::new_platform,
         "pv-1-S5",
         Bounce{"nina@corp.com", "5.7.54", "550 5.7.54 Unable to relay"});
  EXPECT_THAT(codes(judged("S5")), ElementsAre("v-outside", "x-relay-refused"));
  arrive(Role::outside, Side::outside, "pv-1-S6", Bounce{"vera@company.ru", "5.1.10", ""});
  EXPECT_THAT(codes(judged("S6")), ElementsAre("x-internal-relay", "x-recipient-filter"));
}

TEST_F(VerifyScenarios, ReportsOfThePlatform) {
  arrive(Role::outside, Side::outside, "pv-1-R4", Bounce{"ivan@tech.company.ru", "5.1.1", "550"});
  EXPECT_THAT(codes(judged("R4")), ElementsAre("g-alias", "v-alias"));
  arrive(Role::outside, Side::outside, "pv-1-R5", Bounce{"vera@tech.company.ru", "5.7.1", "550"});
  EXPECT_THAT(codes(judged("R5")), ElementsAre("g-cutover", "v-delivery"));
}

TEST_F(VerifyScenarios, AReportThatIsWantedPasses) {
  arrive(Role::sender, Side::new_platform, "pv-1-S7b", Bounce{"nobody@company.ru", "5.1.1", "550"});
  EXPECT_TRUE(is_complete(scenario("S7b"), "pv-1-S7b", watched_));
  EXPECT_EQ(judged("S7b").verdict, Verdict::passed);
  EXPECT_EQ(judged("S7b", refused(550, {5, 1, 1}, "User unknown")).verdict, Verdict::passed);
  arrive(Role::sender, Side::new_platform, "pv-1-S7b", Bounce{"nobody@company.ru", "5.4.6", "554"});
  EXPECT_THAT(codes(judged("S7b")), ElementsAre("g-loop"));
}

TEST_F(VerifyScenarios, ARefusalForAnotherReasonIsNoReport) {
  for (const Handed& handed : {refused(550, {5, 7, 1}, "Client was not authenticated"),
                               refused(550, {5, 1, 1}, "User unknown", Step::sender),
                               refused(554, {}, "No SMTP service here", Step::session)}) {
    EXPECT_THAT(codes(judged("S7b", handed)), ElementsAre("refused")) << handed.refusal->line();
  }
  EXPECT_THAT(codes(judged("S7b", refused(450, {4, 1, 1}, "User unknown"))),
              ElementsAre("temporary"));
}

TEST_F(VerifyScenarios, TheDoorsOwnRefusals) {
  EXPECT_THAT(codes(judged("S6", refused(550, {5, 1, 10}, "RecipientNotFound"))),
              ElementsAre("x-recipient-filter"));
  EXPECT_THAT(codes(judged("R4", refused(550, {5, 1, 1}, "no such user"))),
              ElementsAre("g-refused"));
  EXPECT_THAT(codes(judged("S1", refused(451, {4, 7, 0}, "later"))), ElementsAre("temporary"));
  Handed dead;
  dead.failure = "no connection";
  EXPECT_THAT(codes(judged("S1", dead)), ElementsAre("x-unreachable"));
  EXPECT_THAT(codes(judged("S3", dead)), ElementsAre("v-submission"));
  EXPECT_THAT(codes(judged("R4", dead)), ElementsAre("g-unreachable"));
}

TEST_F(VerifyScenarios, AStrangerMustBeRefused) {
  EXPECT_EQ(judged("S8", refused(550, {5, 7, 1}, "no")).verdict, Verdict::passed);
  EXPECT_THAT(codes(judged("S8")), ElementsAre("g-open-relay"));
  EXPECT_THAT(codes(judged("S8", refused(450, {4, 7, 1}, "no"))), ElementsAre("temporary"));
  EXPECT_EQ(judged("S8", refused(550, {}, "Relaying denied")).verdict, Verdict::passed);
}

TEST_F(VerifyScenarios, WhatIsTakenThoughItHadToBeRefusedIsWaitedFor) {
  EXPECT_FALSE(is_complete(scenario("S8"), "pv-1-S8", watched_));
  arrive(Role::outside, Side::outside, "pv-1-S8");
  EXPECT_TRUE(is_complete(scenario("S8"), "pv-1-S8", watched_));
  const std::size_t old = plan_.find(Role::migrated, Side::old_server).value();
  const std::size_t fresh = plan_.find(Role::migrated, Side::new_platform).value();
  for (const char* name : {"S9-passes", "S9-hops"}) {
    EXPECT_FALSE(is_complete(scenario(name), name, watched_));
    watched_[fresh].failure = "refuses the login";
    EXPECT_FALSE(is_complete(scenario(name), name, watched_)) << "the other may have it";
    watched_[old].elsewhere[name] = "Spam";
    EXPECT_TRUE(is_complete(scenario(name), name, watched_));
    watched_[old] = {};
    watched_[old].failure = "refuses the login";
    EXPECT_TRUE(is_complete(scenario(name), name, watched_)) << "nobody would see it";
    watched_[old] = watched_[fresh] = {};
  }
}

TEST_F(VerifyScenarios, AStrangerRefusedForAnotherReasonTestsNothing) {
  for (const Handed& handed : {refused(554, {5, 7, 1}, "No SMTP service here", Step::session),
                               refused(550, {5, 1, 8}, "sender's domain", Step::sender),
                               refused(550, {5, 7, 23}, "SPF", Step::recipient),
                               refused(554, {5, 7, 1}, "content", Step::letter)}) {
    const Row row = judged("S8", handed);
    EXPECT_EQ(row.verdict, Verdict::not_tested) << handed.refusal->line();
    EXPECT_THAT(row.why, HasSubstr(handed.refusal->line()));
    EXPECT_THAT(row.troubles, IsEmpty());
  }
}

TEST_F(VerifyScenarios, ABalancerThatHidesClients) {
  arrive(Role::migrated, Side::new_platform, "pv-1-R4");
  EXPECT_EQ(judged("R4").verdict, Verdict::passed);
  Handed handed = taken();
  handed.local_address = "192.0.2.1";
  EXPECT_THAT(codes(judged("R4", handed)), ElementsAre("balancer-hides-clients"));
}

TEST_F(VerifyScenarios, AddressesAreComparedWhateverTheirSpelling) {
  client_ = "2001:DB8:0::9";
  arrive(Role::migrated, Side::new_platform, "pv-1-R4");
  Handed handed = taken();
  handed.local_address = "2001:db8::9";
  EXPECT_EQ(judged("R4", handed).verdict, Verdict::passed);
}

TEST_F(VerifyScenarios, AServerThatTheGatewayDoesNotKnow) {
  arrive(Role::unmigrated, Side::old_server, "pv-1-S3");
  const Row row = judged("S3");
  EXPECT_THAT(codes(row), ElementsAre("source-unknown"));
  EXPECT_THAT(row.troubles.front().what, HasSubstr("\"vk\" came to the gateway from 10.9.9.9"));
  arrive(Role::unmigrated, Side::old_server, "pv-1-S1");
  EXPECT_EQ(judged("S1").verdict, Verdict::passed) << "a listener of its own knows it (R7a)";
}

TEST_F(VerifyScenarios, AMailboxThatCannotBeSeenFails) {
  watched_[plan_.find(Role::migrated, Side::new_platform).value()].failure = "refuses the login";
  arrive(Role::migrated, Side::old_server, "pv-1-S2");
  const Row row = judged("S2");
  EXPECT_EQ(row.verdict, Verdict::failed);
  EXPECT_THAT(codes(row), ElementsAre("v-imap"));
  EXPECT_EQ(row.troubles.front().what, "V:ivan@company.ru: refuses the login");
  watched_[plan_.find(Role::unmigrated, Side::old_server).value()].failure = "is away";
  EXPECT_THAT(codes(judged("S1")), ElementsAre("x-imap"));
  watched_[plan_.find(Role::outside, Side::outside).value()].failure = "is away";
  EXPECT_THAT(codes(judged("S5")), ElementsAre("e-imap"));
  EXPECT_TRUE(is_complete(scenario("S2"), "pv-1-S2", watched_)) << "nothing more can be waited for";
}

}  // namespace
}  // namespace postern::verify
