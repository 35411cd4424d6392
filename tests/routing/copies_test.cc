// SPDX-License-Identifier: Apache-2.0
// Copies beside a recipient's own way: what the pipeline does with a stage that forks.
#include "routing/explain.h"
#include "routing/message_facts.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

/// Copies everybody of ours to X as U@D, and binds him or not.
class Forker final : public Stage {
 public:
  Forker(const Config& config, bool binds)
      : hop_(config.find_next_hop("exchange")), binds_(binds) {}
  std::string_view name() const override { return "forker"; }
  Answer evaluate(const Progress& progress) const override {
    Fork fork;
    fork.to.push_back(RouteTo{
        {{hop_}, {}},
        smtp::Mailbox(progress.recipient.local(), "company.ru")
    });
    fork.binds = binds_;
    return Verdict{std::move(fork), "X gets a copy"_text};
  }

 private:
  const NextHop* hop_;
  bool binds_;
};

Registry with_forker(bool binds) {
  Registry out = Registry::builtin();
  out.add("forker", [binds](const StageSources& sources) {
    return std::make_unique<Forker>(*sources.config, binds);
  });
  return out;
}

class CopiesTest : public ::testing::Test {
 protected:
  static void add_forker(Config& config) {
    std::vector<std::string>& stages = config.routing.stages;
    stages.insert(std::find(stages.begin(), stages.end(), "custom_route"), "forker");
  }
  World binding_{add_forker, with_forker(true)};
  World passing_{add_forker, with_forker(false)};
};

TEST_F(CopiesTest, AForkLetsTheNextStagesDecideAndAddsItsWay) {
  const Decision decision = binding_.decide({kStranger, "i.ivanov@company.ru"});
  EXPECT_EQ(outcome_of(decision), "vk i.ivanov@tech.company.ru");
  ASSERT_EQ(decision.also.size(), 1U) << trace_of(decision);
  EXPECT_EQ(decision.also[0].target.name(), "exchange");
  EXPECT_EQ(decision.also[0].recipient_out.text(), "i.ivanov@company.ru");
  EXPECT_EQ(decision.also[0].stage, "forker");
  EXPECT_THAT(trace_of(decision), HasSubstr("forker: copy: X gets a copy"));
}

TEST_F(CopiesTest, R7HoldsForEachCopyOnItsOwn) {
  const Decision from_x = binding_.decide({kExchange, "i.ivanov@company.ru"});
  EXPECT_EQ(outcome_of(from_x), "vk i.ivanov@tech.company.ru") << "and not back to X";
  EXPECT_TRUE(from_x.also.empty());
  EXPECT_THAT(trace_of(from_x), HasSubstr("forker: bind: X gets a copy, but the mail comes from"));
  const Decision from_v = binding_.decide({kWorkspace, "i.ivanov@company.ru"});
  EXPECT_EQ(outcome_of(from_v), "vk i.ivanov@tech.company.ru") << "another address than it had";
  EXPECT_EQ(from_v.also.size(), 1U);
}

TEST_F(CopiesTest, WhereR7TakesTheOwnWayTheOtherPlaceIsTheWay) {
  World at_home(
      [](Config& config) {
        add_forker(config);
        config.domains.front().deliver_as = DeliverAs::main;
      },
      with_forker(true));
  const Decision decision = at_home.decide({kWorkspace, "i.ivanov@company.ru"});
  EXPECT_EQ(outcome_of(decision), "exchange i.ivanov@company.ru") << trace_of(decision);
  EXPECT_TRUE(decision.also.empty());
}

TEST_F(CopiesTest, OneMailboxOfOneServerGetsOneMessage) {
  const Decision decision = passing_.decide({kStranger, "i.ivanov@company.ru"});
  EXPECT_EQ(outcome_of(decision), "exchange i.ivanov@company.ru") << "the domain's own route";
  EXPECT_TRUE(decision.also.empty());
}

TEST_F(CopiesTest, WhatIsRefusedHasNoCopiesR2) {
  const Decision decision = passing_.decide({kStranger, "someone@corp.com"});
  EXPECT_EQ(outcome_of(decision), "550 5.7.1 relay_access");
  EXPECT_TRUE(decision.also.empty());
}

TEST_F(CopiesTest, ACopyIsADecisionOfItsOwnWithItsReason) {
  const Decision decision = binding_.decide({kStranger, "i.ivanov@company.ru"});
  const Decision copy = decision_of(decision.also.at(0));
  EXPECT_EQ(copy.kind, DecisionKind::route);
  EXPECT_EQ(copy.copy, CopyKind::dual);
  EXPECT_EQ(copy.reason(), "X gets a copy");
  EXPECT_TRUE(is_doubled(decision));
  EXPECT_TRUE(is_doubled(copy));
}

TEST_F(CopiesTest, ExplainShowsEveryCopy) {
  const Decision decision = binding_.decide({kStranger, "i.ivanov@company.ru"});
  Request request;
  request.recipient = mailbox("i.ivanov@company.ru");
  EXPECT_THAT(
      explain_text(request, decision),
      HasSubstr("\nand        dual copy to exchange (10.0.0.5:25) as <i.ivanov@company.ru>\n"));
  const auto json = nlohmann::json::parse(explain_json(request, decision));
  ASSERT_EQ(json["copies"].size(), 1U);
  EXPECT_EQ(json["copies"][0]["kind"], "dual");
  EXPECT_EQ(json["copies"][0]["next_hop"], "exchange");
  EXPECT_EQ(json["copies"][0]["reason"], "X gets a copy");
}

/// What happens when a copy comes back through X as mail for U@T (R13).
class LoopTokenTest : public CopiesTest {
 protected:
  static constexpr std::string_view kHeader =
      "Date: Tue, 24 Nov 2026 16:00:00 +0300\r\nFrom: <nina@corp.com>\r\n"
      "Message-ID: <1@corp.com>\r\n";

  /// X's copy of a message with this header, as it leaves.
  std::string sent_to_x(std::string_view header) const {
    const Decision decision = binding_.decide({kStranger, "i.ivanov@company.ru"});
    const Decision copy = decision_of(decision.also.at(0));
    MessageFacts facts = scan_header(header);
    identify(facts);
    return binding_.pipeline().trace_fields({&copy}, facts) + std::string(header);
  }
  std::string returned(std::string_view header,
                       std::string_view to = "i.ivanov@tech.company.ru") const {
    Decision decision = binding_.decide({kExchange, to});
    const MessageFacts facts = scan_header(header);
    binding_.pipeline().judge(Request(), decision, facts, nullptr);
    return outcome_of(decision);
  }
};

TEST_F(LoopTokenTest, R13ACopyThatComesBackIsDiscardedAndNotBounced) {
  EXPECT_EQ(returned(sent_to_x(kHeader)), "discard loop_guard");
  EXPECT_EQ(returned(sent_to_x(kHeader), "I.Ivanov+tag@company.ru"), "discard loop_guard");
}

TEST_F(LoopTokenTest, AnotherMailboxGetsWhatXForwardsToIt) {
  EXPECT_EQ(returned(sent_to_x(kHeader), "n.new@tech.company.ru"), "vk n.new@tech.company.ru");
}

TEST_F(LoopTokenTest, ATokenInAnotherMessageSaysNothing) {
  std::string other = sent_to_x(kHeader);
  other.replace(other.find("<1@"), 3, "<2@");
  other.replace(other.find("16:00"), 5, "16:01");
  EXPECT_EQ(returned(other), "vk i.ivanov@tech.company.ru");
}

TEST_F(LoopTokenTest, StandsFoldsAndAMessageIdThatXAddsOrKeeps) {
  const std::string_view without = kHeader.substr(0, kHeader.find("Message-ID"));
  const std::string sent = sent_to_x(without);
  EXPECT_EQ(returned(sent), "discard loop_guard");
  EXPECT_EQ(returned(sent + "Message-ID: <added@x.company.ru>\r\n"), "discard loop_guard");
  std::string folded = sent_to_x(kHeader);
  folded.replace(folded.find("Message-ID: "), 12, "Message-Id:\r\n ");
  EXPECT_EQ(returned(folded), "discard loop_guard");
}

TEST_F(LoopTokenTest, WhatXHasStrippedIsDeliveredASecondTime) {
  EXPECT_EQ(returned(kHeader), "vk i.ivanov@tech.company.ru");
}

TEST_F(LoopTokenTest, AForgedTokenCountsAsNone) {
  std::string forged = sent_to_x(kHeader);
  const std::size_t mac = forged.rfind("mac=") + 4;
  forged[mac] = forged[mac] == 'a' ? 'b' : 'a';
  EXPECT_EQ(returned(forged), "vk i.ivanov@tech.company.ru");
  Decision decision = binding_.decide({kExchange, "i.ivanov@tech.company.ru"});
  unsigned count = 0;
  binding_.pipeline().judge(Request(), decision, scan_header(forged), &count);
  EXPECT_EQ(count, 1U);
}

TEST_F(LoopTokenTest, TokensGoToXAndVAloneAndOnlyWithMailThatIsDoubled) {
  const Decision plain = binding_.decide({kStranger, "n.new@tech.company.ru"});
  Decision single = plain;
  single.also.clear();
  EXPECT_THAT(binding_.pipeline().trace_fields({&single}, scan_header(kHeader)),
              ::testing::Not(HasSubstr("copy=")));
  Decision copy = decision_of(binding_.decide({kStranger, "i.ivanov@company.ru"}).also.at(0));
  copy.target.hops = {binding_.config.find_next_hop("dlp")};
  EXPECT_EQ(binding_.pipeline().trace_fields({&copy}, scan_header(kHeader)), "");
}

}  // namespace
}  // namespace postern::routing::testing
