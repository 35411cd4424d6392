// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/circle.h"

#include "mailtools/verify/scenario.h"
#include "plans.h"
#include "routing/message_facts.h"
#include "routing/trace.h"
#include "support/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

// S9: letters that circle, or look so.

namespace postern::verify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kCircleTest = R"([user.migrated]
address = "Ivan+verify@company.ru"
[outside]
address = "nina@corp.com"
imap = { server = "e" }
password_file = "/p"
)";

class VerifyCircles : public testing::Test {
 protected:
  const gateway::Config config_ = gateway_config();
  const Plan plan_ = plan_of(kCircleTest, config_).plan.value();
  std::vector<Watched> watched_{plan_.mailboxes.size()};

  static Scenario named(std::string_view name, const Plan& plan, const gateway::Config& config) {
    for (const Scenario& one : scenarios_of(plan, config))
      if (one.name == name) return one;
    ADD_FAILURE() << name;
    return {};
  }
  Row judged(std::string_view name, const Handed& handed) const {
    return judge(plan_, named(name, plan_, config_), "pv-1", "G", handed, watched_);
  }
  static Handed refused(int code, smtp::EnhancedStatus status, Step step) {
    Handed out;
    out.reached = true;
    out.step = step;
    out.refusal = smtp::Reply(code, status, Text("no"));
    return out;
  }
  static Handed taken() {
    Handed out;
    out.reached = true;
    return out;
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

TEST_F(VerifyCircles, TheTraceIsTheGatewaysOwnOfItsLastPass) {
  const Scenario passes = named("S9-passes", plan_, config_);
  EXPECT_EQ(passes.to, "Ivan+verify@tech.company.ru");
  const std::string header = passes.fields + "Subject: x\r\n\r\n";
  const routing::MessageFacts facts = routing::scan_header(header);
  const routing::Tracer tracer(config_.hostname, config_.routing.routing.trace_key);
  routing::Tracer::Passes seen(tracer, facts);
  EXPECT_EQ(seen.of(tracer.mailbox_hash("ivan", "company.ru")), 2U);
  EXPECT_EQ(seen.forged(), 0U);
}

/// The config with `[[rewrite]]`, whose plan has the same people.
gateway::Config renaming(const std::string& rule) {
  return gateway_config(std::string(kGatewayConfig) + "rewrite = [{ " + rule + " }]\n");
}

unsigned passes_of(const gateway::Config& config, const Scenario& letter, std::string_view local) {
  const std::string header = letter.fields + "Subject: x\r\n\r\n";
  const routing::MessageFacts facts = routing::scan_header(header);
  const routing::Tracer tracer(config.hostname, config.routing.routing.trace_key);
  return routing::Tracer::Passes(tracer, facts).of(tracer.mailbox_hash(local, "company.ru"));
}

TEST_F(VerifyCircles, TheTraceIsOfTheMailboxThatARewriteLeadsTo) {
  const gateway::Config own =
      renaming(R"(from = "ivan@tech.company.ru", to = "i.ivanov@company.ru")");
  const test::Folder folder;
  const std::string path = folder.path() + "/map";
  std::ofstream(path) << "ivan@tech.company.ru i.ivanov@company.ru\n";
  const gateway::Config by_file = renaming("map = \"file:" + path + "\"");
  for (const gateway::Config* config : {&own, &by_file}) {
    const Scenario letter = named("S9-passes", plan_, *config);
    EXPECT_EQ(letter.skipped, "");
    EXPECT_EQ(passes_of(*config, letter, "i.ivanov"), 2U);
    EXPECT_EQ(passes_of(*config, letter, "ivan"), 0U);
  }
}

TEST_F(VerifyCircles, ARewriteWithoutTheStageChangesNothing) {
  gateway::Config config = renaming(R"(from = "@tech.company.ru", to = "@corp.com")");
  std::erase(config.routing.routing.stages, "rewrite");
  EXPECT_EQ(passes_of(config, named("S9-passes", plan_, config), "ivan"), 2U);
}

TEST_F(VerifyCircles, WhereARewriteLeadsIsNotKnownOrNoMailboxOfOurs) {
  const gateway::Config away = renaming(R"(from = "@tech.company.ru", to = "@corp.com")");
  EXPECT_THAT(named("S9-passes", plan_, away).skipped, HasSubstr("Ivan+verify@corp.com"));
  EXPECT_EQ(named("S9-hops", plan_, away).skipped, "");
  const gateway::Config unread = renaming(R"(map = "file:/absent/map")");
  EXPECT_THAT(named("S9-passes", plan_, unread).skipped, HasSubstr("/absent/map cannot be read"));
}

TEST_F(VerifyCircles, OneHopMoreThanTheConfigAllows) {
  const std::string header = named("S9-hops", plan_, config_).fields + "Subject: x\r\n\r\n";
  EXPECT_EQ(routing::scan_header(header).received, config_.routing.routing.max_hops + 1);
}

TEST_F(VerifyCircles, WithoutTheKeyOrTheStageNothingIsSent) {
  gateway::Config without = config_;
  without.routing.routing.trace_key.clear();
  EXPECT_THAT(named("S9-passes", plan_, without).skipped, HasSubstr("trace key"));
  EXPECT_EQ(named("S9-hops", plan_, without).skipped, "");
  std::erase(without.routing.routing.stages, "loop_guard");
  EXPECT_THAT(named("S9-hops", plan_, without).skipped, HasSubstr("no loop_guard"));
}

TEST_F(VerifyCircles, ARefusalOfTheLetterAsCircling) {
  for (const char* name : {"S9-passes", "S9-hops"}) {
    EXPECT_EQ(judged(name, refused(554, {5, 4, 6}, Step::letter)).verdict, Verdict::passed);
    EXPECT_THAT(codes(judged(name, taken())), ElementsAre("g-loop-guard"));
    EXPECT_THAT(codes(judged(name, refused(451, {4, 3, 0}, Step::letter))),
                ElementsAre("temporary"));
    const Row other = judged(name, refused(550, {5, 1, 1}, Step::recipient));
    EXPECT_EQ(other.verdict, Verdict::not_tested);
    EXPECT_THAT(other.why, HasSubstr("for another reason than circling: 550 5.1.1 no"));
    EXPECT_THAT(codes(other), IsEmpty());
  }
}

TEST_F(VerifyCircles, TheReportOfAnUnknownUserSaysWhetherItHasCircled) {
  EXPECT_THAT(codes(judged("S9-unknown", taken())), ElementsAre("bounce-missing"));
  std::vector<Arrival>& outside =
      watched_[plan_.find(Role::outside, Side::outside).value()].arrivals;
  outside.push_back({
      "pv-1", Bounce{"nobody@company.ru", "5.1.1", "550"},
       {     },
       ""
  });
  EXPECT_EQ(judged("S9-unknown", taken()).verdict, Verdict::passed);
  for (const char* status : {"5.4.6", "5.4.14"}) {
    outside.back().bounce->status = status;
    EXPECT_THAT(codes(judged("S9-unknown", taken())), ElementsAre("g-loop")) << status;
  }
}

}  // namespace
}  // namespace postern::verify
