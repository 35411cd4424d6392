// SPDX-License-Identifier: Apache-2.0
// The stage "policy" among the others, with a server that says what a test tells it.
#include "routing/pipeline.h"
#include "tests/routing/example_config.h"
#include "tests/routing/policy/policy_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

namespace postern::routing::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class PolicyStageTest : public ::testing::Test {
 protected:
  PolicyStageTest() : config_(example_config()) {
    directory_.known = {"i.ivanov", "n.new"};
    add("p", peer);
  }

  PolicyConfig& add(const std::string& name, const PolicyPeer& of) {
    PolicyConfig policy;
    policy.name = name;
    policy.server = of.server();
    policy.timeout = 30s;
    config_.policies.push_back(policy);
    return config_.policies.back();
  }

  const Pipeline& pipeline() {
    if (pipeline_) return *pipeline_;
    StageSources sources;
    sources.config = &config_;
    sources.directory = &directory_;
    sources.notice = [this](const std::string& line) { notices.push_back(line); };
    pipeline_.emplace(*Pipeline::build(Registry::of(config_), sources));
    return *pipeline_;
  }

  Decision decide(std::string_view to,
                  std::string_view client = kStranger,
                  std::string_view identity = {}) {
    request.client = *parse_ip(client);
    request.listener = "mx";
    request.identity = identity;
    sender.path = smtp::ReversePath(mailbox("nina@corp.com"));
    request.sender = &sender;
    request.recipient = mailbox(to);
    request.size = 1234;
    return run(pipeline(), request);
  }
  std::string outcome(std::string_view to, std::string_view client = kStranger) {
    return outcome_of(decide(to, client));
  }
  static std::string told_of(const Decision& decision) { return std::string(decision.told()); }

  PolicyPeer peer;
  Config config_;
  FakeDirectory directory_;
  Request request = [] {
    Request out;
    out.session.emplace();
    out.session->id = "S1";
    out.session->transaction = 2;
    out.session->helo = "mx.corp.com";
    out.session->client_port = 4711;
    out.session->server = *parse_ip("192.0.2.1");
    out.session->server_port = 25;
    out.session->tls_version = "TLSv1.3";
    out.session->tls_cipher = "TLS_AES_256_GCM_SHA384";
    out.session->tls_bits = 256;
    return out;
  }();
  smtp::Sender sender;
  std::vector<std::string> notices;

 private:
  std::optional<Pipeline> pipeline_;
};

constexpr std::string_view kKnown = "n.new@company.ru";
constexpr std::string_view kWay = "exchange n.new@company.ru";

TEST_F(PolicyStageTest, TheQuestionHasWhatIsKnownOfTheSession) {
  EXPECT_EQ(outcome(kKnown), kWay);
  ASSERT_EQ(peer.questions().size(), 1U);
  EXPECT_THAT(peer.questions()[0],
              ::testing::IsSupersetOf({Pair("request", "smtpd_access_policy"),
                                       Pair("protocol_state", "RCPT"),
                                       Pair("protocol_name", "ESMTP"),
                                       Pair("helo_name", "mx.corp.com"),
                                       Pair("client_address", "203.0.113.9"),
                                       Pair("client_name", "unknown"),
                                       Pair("client_port", "4711"),
                                       Pair("sender", "nina@corp.com"),
                                       Pair("recipient", "n.new@company.ru"),
                                       Pair("size", "1234"),
                                       Pair("instance", "S1.2"),
                                       Pair("queue_id", ""),
                                       Pair("sasl_username", ""),
                                       Pair("encryption_protocol", "TLSv1.3"),
                                       Pair("encryption_keysize", "256"),
                                       Pair("server_address", "192.0.2.1"),
                                       Pair("server_port", "25")}));
}

TEST_F(PolicyStageTest, ItsRefusalsAreTheClientsReplies) {
  peer.next("REJECT we know you");
  const Decision decision = decide(kKnown);
  EXPECT_EQ(decision.reply.line(), "554 5.7.1 we know you");
  EXPECT_EQ(decision.stage, "policy");
  EXPECT_EQ(decision.reason(), "policy p (" + peer.server() + "): REJECT we know you");
  peer.next("451 4.3.0 later");
  EXPECT_EQ(decide(kKnown).reply.line(), "451 4.3.0 later");
  peer.next("DISCARD");
  EXPECT_EQ(outcome(kKnown), "discard policy");
}

TEST_F(PolicyStageTest, DeferIfPermitLeavesRefusalsByOthersAlone) {
  config_.recipients.validate = true;
  peer.next("DEFER_IF_PERMIT Greylisted");
  const Decision taken = decide(kKnown);
  EXPECT_EQ(taken.kind, DecisionKind::defer);
  EXPECT_EQ(taken.reply.line(), "450 4.7.1 Greylisted");
  EXPECT_EQ(taken.stage, "policy");
  EXPECT_THAT(taken.reason(), HasSubstr("DEFER_IF_PERMIT Greylisted"));
  EXPECT_TRUE(taken.also.empty());
  peer.next("DEFER_IF_PERMIT Greylisted");
  EXPECT_EQ(outcome("nobody@tech.company.ru"), "550 5.1.1 address_validation");
}

TEST_F(PolicyStageTest, DeferIfRejectSoftensARefusalByOthersAndNothingElse) {
  config_.recipients.validate = true;
  peer.next("DEFER_IF_REJECT dns is down");
  EXPECT_EQ(outcome(kKnown), kWay);
  peer.next("DEFER_IF_REJECT dns is down");
  const Decision refused = decide("nobody@tech.company.ru");
  EXPECT_EQ(refused.reply.line(), "450 4.7.1 dns is down") << trace_of(refused);
  EXPECT_EQ(refused.stage, "policy");
}

TEST_F(PolicyStageTest, OkOpensNoRelay) {  // R1
  config_.routing.stages = {"policy", "relay_access", "custom_route", "dns_mx"};
  peer.next("OK");
  EXPECT_EQ(outcome("a@other.com"), "550 5.7.1 relay_access");
  peer.next("DISCARD");
  EXPECT_EQ(outcome("a@other.com"), "550 5.7.1 relay_access");
}

TEST_F(PolicyStageTest, WarnAndInfoAreToldInTheLettersLine) {
  peer.next("WARN looks odd");
  const Decision decision = decide(kKnown);
  EXPECT_EQ(outcome_of(decision), kWay);
  EXPECT_THAT(told_of(decision), HasSubstr("WARN looks odd"));
  EXPECT_EQ(told_of(decide(kKnown)), "");
}

TEST_F(PolicyStageTest, WhatIsNotSupportedIsNoOpinionAndToldOnce) {
  for (const char* action : {"PREPEND X-Spam: yes", "FILTER smtp:x", "reject_unlisted_sender"}) {
    peer.next(action);
    EXPECT_EQ(outcome(kKnown), kWay);
  }
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_THAT(notices[0], HasSubstr("PREPEND X-Spam: yes: not supported"));
}

TEST_F(PolicyStageTest, WhoIsTrustedIsNotAskedAboutUnlessItSaysSo) {
  config_.gateways.intermediate_mx = IpSet({*IpPrefix::parse("192.0.2.7")});
  outcome(kKnown, kExchange);    // a next hop
  outcome(kKnown, kService);     // the allowlist
  outcome(kKnown, "192.0.2.7");  // behind a gateway
  decide(kKnown, kStranger, "olga");
  EXPECT_TRUE(peer.questions().empty());
  outcome(kKnown);
  EXPECT_EQ(peer.questions().size(), 1U);
}

TEST_F(PolicyStageTest, TrustedAsksAboutEverybody) {
  config_.policies[0].trusted = true;
  outcome(kKnown, kExchange);
  decide(kKnown, kStranger, "olga");
  ASSERT_EQ(peer.questions().size(), 2U);
  EXPECT_EQ(peer.questions()[0].at("client_address"), kExchange);
  EXPECT_EQ(peer.questions()[1].at("sasl_username"), "olga");
}

TEST_F(PolicyStageTest, NobodyIsAskedWhereNoClientWaits) {
  request.session.reset();
  peer.next("REJECT");
  EXPECT_EQ(outcome(kKnown), kWay);
  EXPECT_TRUE(peer.questions().empty());
}

TEST_F(PolicyStageTest, RecipientsThatItIsNotForAreNotAskedAbout) {
  config_.policies[0].recipients = {"@tech.company.ru"};
  outcome(kKnown);
  EXPECT_TRUE(peer.questions().empty());
  outcome("n.new@tech.company.ru");
  EXPECT_EQ(peer.questions().size(), 1U);
}

TEST_F(PolicyStageTest, AServerThatIsDownDefersOrPassesAndIsToldOnce) {
  peer.stop();
  for (int i = 0; i < 3; ++i) {
    const Decision deferred = decide(kKnown);
    EXPECT_EQ(deferred.reply.line(),
              "451 4.3.0 this recipient cannot be checked now; try again later");
    EXPECT_THAT(std::string(deferred.reason()),
                AllOf(HasSubstr("policy p"), HasSubstr("deferred")));
  }
  EXPECT_EQ(notices.size(), 1U);
}

TEST_F(PolicyStageTest, OnFailurePassGoesOnAndTheLetterTellsIt) {
  config_.policies[0].on_failure = PolicyConfig::OnFailure::pass;
  peer.next(PolicyPeer::Answer{"what is this\n\n"});
  const Decision decision = decide(kKnown);
  EXPECT_EQ(outcome_of(decision), kWay);
  EXPECT_THAT(told_of(decision), HasSubstr("\"what is this\" is no line of an answer"));
}

TEST_F(PolicyStageTest, SeveralAreAskedInTheirOrderUntilOneDecides) {
  PolicyPeer second;
  add("q", second);
  peer.next("WARN first");
  second.next("INFO second");
  const Decision both = decide(kKnown);
  EXPECT_THAT(told_of(both), AllOf(HasSubstr("WARN first"), HasSubstr("INFO second")));
  peer.next("REJECT");
  EXPECT_EQ(outcome(kKnown), "554 5.7.1 policy");
  EXPECT_EQ(second.questions().size(), 1U);
}

TEST_F(PolicyStageTest, OneWithAStageOfItsOwnIsAskedThereAlone) {
  PolicyPeer second;
  add("q", second);
  config_.routing.stages = {"relay_access", "policy", "policy:q", "custom_route", "dns_mx"};
  second.next("REJECT");
  const Decision decision = decide(kKnown);
  EXPECT_EQ(decision.stage, "policy:q");
  EXPECT_EQ(peer.questions().size(), 1U);
  EXPECT_EQ(second.questions().size(), 1U);
}

TEST_F(PolicyStageTest, WithoutAnyThereIsNoStage) {
  config_.policies.clear();
  for (const TraceStep& step : decide(kKnown).trace)
    EXPECT_NE(step.stage, "policy");
}

}  // namespace
}  // namespace postern::routing::testing
