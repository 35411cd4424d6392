// SPDX-License-Identifier: Apache-2.0
#include "routing/pipeline.h"

#include "base/read_section.h"
#include "routing/directory.h"
#include "routing/message_facts.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A stage of a site's own that says what a test wants.
class Saying final : public Stage {
 public:
  explicit Saying(std::function<Verdict(const Progress&)> what) : what_(std::move(what)) {}
  std::string_view name() const override { return "saying"; }
  Answer evaluate(const Progress& progress) const override { return what_(progress); }

 private:
  std::function<Verdict(const Progress&)> what_;
};

Registry with_saying(std::function<Verdict(const Progress&)> what) {
  Registry registry = Registry::builtin();
  registry.add("saying", [what](const StageSources&) { return std::make_unique<Saying>(what); });
  return registry;
}

void put_first(Config& config) {
  config.routing.stages.insert(config.routing.stages.begin() + 2, "saying");
}

std::string build_error(const std::function<void(Config&)>& change) {
  Config config = example_config();
  change(config);
  const auto built = Pipeline::build(Registry::builtin(), StageSources{&config, nullptr, nullptr});
  return built ? "built" : built.error();
}

TEST(Pipeline, AsksTheStagesInTheirOrderUntilOneDecides) {
  const World world;
  const Decision decision = world.decide({kWorkspace, "sales@corp.com"});
  std::vector<std::string_view> asked;
  for (const TraceStep& step : decision.trace)
    asked.push_back(step.stage);
  EXPECT_THAT(asked,
              ElementsAre("loop_guard",
                          "relay_access",
                          "tech_alias",
                          "cutover",
                          "custom_route",
                          "internal_gateway",
                          "address_validation",
                          "unknown_recipient",
                          "mailboxes",
                          "external_gateway"));
  EXPECT_EQ(decision.stage, "external_gateway");
  EXPECT_EQ(decision.reply.line().substr(0, 9), "250 2.1.5");
}

TEST(Pipeline, RefusesStagesThatAreUnknownOrListedTwice) {
  EXPECT_THAT(build_error([](Config& c) { c.routing.stages.push_back("dns"); }),
              HasSubstr("there is no stage \"dns\""));
  EXPECT_THAT(build_error([](Config& c) { c.routing.stages.push_back("dns_mx"); }),
              HasSubstr("\"dns_mx\" is listed twice"));
  EXPECT_EQ(build_error([](Config&) {}), "built");
}

TEST(Pipeline, RefusesNextHopsThatDoNotExist) {
  EXPECT_THAT(build_error([](Config& c) { c.domains[0].mailboxes = "nope"; }), HasSubstr("nope"));
  EXPECT_THAT(build_error([](Config& c) { c.routes[0].via = "nope"; }), HasSubstr("nope"));
  EXPECT_THAT(build_error([](Config& c) { c.recipients.unknown_redirect = "nope"; }),
              HasSubstr("unknown_redirect"));
  EXPECT_THAT(build_error([](Config& c) { c.gateways.internal = {"nope"}; }),
              HasSubstr("gateways.internal"));
  EXPECT_THAT(build_error([](Config& c) { c.gateways.external = {"nope"}; }),
              HasSubstr("gateways.external"));
}

TEST(Pipeline, R13RefusesALoopGuardThatHasNoKey) {
  const auto without_key = [](Config& c) { c.routing.trace_key.clear(); };
  EXPECT_THAT(build_error(without_key), HasSubstr("routing.trace_key"));
}

TEST(Pipeline, ARewriteGoesOnWithTheNewRecipient) {
  const World world(put_first, with_saying([](const Progress& progress) {
                      if (progress.recipient.local() != "info") return Verdict{Pass{}, "no"_text};
                      return Verdict{Rewrite{mailbox("i.ivanov@tech.company.ru")}, "list"_text};
                    }));
  EXPECT_EQ(world.outcome({kStranger, "info@company.ru"}), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(world.outcome({kStranger, "p.petrov@company.ru"}), "exchange p.petrov@company.ru");
}

TEST(Pipeline, ARewriteOfOursToAnotherDomainIsTheSitesOwnForwarding) {
  const World world(put_first, with_saying([](const Progress&) {
                      return Verdict{Rewrite{mailbox("sales@corp.com")}, "forwarded"_text};
                    }));
  EXPECT_EQ(world.outcome({kStranger, "info@company.ru"}), "dlp sales@corp.com");
  EXPECT_EQ(world.outcome({kStranger, "sales@corp.com"}), "550 5.7.1 relay_access");
}

TEST(Pipeline, BindingWhatIsNotOursBindsNothing) {
  const World world(put_first, with_saying([](const Progress&) {
                      return Verdict{Bind{}, "mine"_text};
                    }));
  EXPECT_EQ(world.outcome({kService, "sales@corp.com"}), "dlp sales@corp.com");
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@company.ru"}), "vk i.ivanov@tech.company.ru");
}

TEST(Pipeline, R1AStageBeforeRelayAccessGivesStrangersNothing) {
  const auto discard = [](const Progress&) { return Verdict{Discard{}, "away"_text}; };
  const World world(
      [](Config& config) { config.routing.stages.insert(config.routing.stages.begin(), "saying"); },
      with_saying(discard));
  EXPECT_EQ(world.outcome({kStranger, "sales@corp.com"}), "550 5.7.1 relay_access");
  EXPECT_EQ(world.outcome({kStranger, "info@company.ru"}), "discard saying");
}

TEST(Pipeline, DecidesAloneWhatNeedsNoWaiting) {
  World world([](Config& config) { config.recipients.validate = true; });
  world.directory.immediate = false;
  Request request;
  request.client = *parse_ip(kStranger);
  request.recipient = mailbox("p.petrov@company.ru");
  EXPECT_TRUE(world.pipeline().decide_now(request));
  request.recipient = mailbox("p.petrov@tech.company.ru");
  EXPECT_FALSE(world.pipeline().decide_now(request));
  EXPECT_EQ(outcome_of(run(world.pipeline(), request)), "550 5.1.1 address_validation");
}

/// A stage that asks somebody, as `when` is told at once and while it waits.
class Waiting final : public Stage {
 public:
  enum class When : std::uint8_t { asked, waiting };
  explicit Waiting(std::function<void(When)> told) : told_(std::move(told)) {}
  std::string_view name() const override { return "waiting"; }
  Answer evaluate(const Progress&) const override {
    told_(When::asked);
    return wait();
  }

 private:
  net::Awaitable<Verdict> wait() const {
    told_(When::waiting);
    co_return Verdict{Pass{}, "waited"_text};
  }

  std::function<void(When)> told_;
};

/// Outcome and trace of a decision with a stage that waits before tech_alias.
std::string decide_waiting(Waiting::When at, const std::function<void()>& then) {
  Registry registry = Registry::builtin();
  registry.add("waiting", [&](const StageSources&) {
    return std::make_unique<Waiting>([&](Waiting::When now) { now == at ? then() : void(); });
  });
  const World world(
      [](Config& config) {
        config.routing.stages.insert(config.routing.stages.begin() + 3, "waiting");
      },
      registry);
  Request request;
  request.client = *parse_ip(kWorkspace);
  request.recipient = mailbox("i.ivanov@company.ru");
  const Decision decision = run(world.pipeline(), request);
  return outcome_of(decision) + "\n" + trace_of(decision);
}

TEST(Pipeline, WaitsForAStageAndGoesOnWithTheNext) {
  const std::string said = decide_waiting(Waiting::When::waiting, [] {});
  EXPECT_EQ(said.substr(0, said.find('\n')), "exchange i.ivanov@company.ru");
  EXPECT_THAT(said, HasSubstr("\nwaiting: pass: waited\ntech_alias: "));
}

TEST(Pipeline, WaitsOutsideOfTheSectionInWhichItAsks) {
  // Ends the program where a section is open.
  int reloads = 0;
  decide_waiting(Waiting::When::waiting, [&reloads] {
    ReadSection::wait_for_readers();
    ++reloads;
  });
  EXPECT_EQ(reloads, 1);
  EXPECT_DEATH(decide_waiting(Waiting::When::asked, ReadSection::wait_for_readers), "");
}

/// Says what is fetched ahead from it.
class Fetched final : public Directory {
 public:
  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox&) const override {
    return {Presence::known, "all"};
  }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return look_up_now(mailbox);
  }
  void prefetch(const RecipientKey& key, Part part) const override {
    parts.push_back(std::string(key.whole().text) + (part == Part::place ? " place" : " record"));
  }
  mutable std::vector<std::string> parts;
};

TEST(Pipeline, FetchesPlaceAndRecordOfARewrittenRecipientToo) {
  Config config = example_config();
  config.recipients.validate = true;
  put_first(config);
  const Fetched directory;
  const StageSources sources{&config, &directory, nullptr};
  const auto pipeline =
      Pipeline::build(with_saying([](const Progress&) {
                        return Verdict{Rewrite{mailbox("i.ivanov@tech.company.ru")}, "list"_text};
                      }),
                      sources);
  ASSERT_TRUE(pipeline);
  Request request;
  request.client = *parse_ip(kStranger);
  request.recipient = mailbox("info@company.ru");
  EXPECT_EQ(outcome_of(*pipeline->decide_now(request)), "vk i.ivanov@tech.company.ru");
  EXPECT_THAT(directory.parts,
              ElementsAre("info place", "info record", "i.ivanov place", "i.ivanov record"));
}

TEST(Pipeline, OriginsAreTheNextHopsThatAClientCountsAs) {
  const World world;
  const Pipeline& pipeline = world.pipeline();
  const auto names = [&pipeline](std::string_view client, std::string_view from) {
    std::string out;
    for (const NextHop* hop : pipeline.origins(*parse_ip(client), from))
      out += hop->name + " ";
    return out;
  };
  EXPECT_EQ(names(kExchange, {}), "exchange ");
  EXPECT_EQ(names("::ffff:10.0.0.5", {}), "exchange ");
  EXPECT_EQ(names(kStranger, {}), "");
  EXPECT_EQ(names(kWorkspace, "exchange"), "exchange ");
  EXPECT_EQ(names(kDlp, "exchange"), "exchange dlp ");
  EXPECT_EQ(names(kStranger, "no such hop"), "");
}

// R13: what the header tells.

class LoopGuardTest : public ::testing::Test {
 protected:
  Decision decide(std::string_view client, std::string_view to) {
    question_ = {client, to};
    return world_.decide(question_);
  }
  smtp::Reply check(const Decision& decision, std::string_view header) {
    return world_.pipeline().check_message(Request(), decision, scan_header(header), &forged_);
  }
  std::string fields(const Decision& decision, std::string_view header) {
    return world_.pipeline().trace_fields({&decision}, scan_header(header));
  }

  World world_;
  Question question_;
  unsigned forged_ = 0;
};

TEST_F(LoopGuardTest, R13RefusesMoreThanMaxHopsReceivedFields) {
  const Decision decision = decide(kStranger, "p.petrov@company.ru");
  std::string header;
  for (int i = 0; i < 25; ++i)
    header += "Received: by mx\r\n";
  EXPECT_TRUE(check(decision, header).is_positive());
  header += "Received: by mx\r\n";
  EXPECT_EQ(check(decision, header).line().substr(0, 9), "554 5.4.6");
}

TEST_F(LoopGuardTest, S4PassesTwiceAndTheThirdPassIsRefused) {
  std::string header = "Subject: x\r\n";
  const Decision first = decide(kWorkspace, "i.ivanov@company.ru");
  ASSERT_EQ(outcome_of(first), "exchange i.ivanov@company.ru");
  EXPECT_TRUE(check(first, header).is_positive());
  header = fields(first, header) + header;
  const Decision second = decide(kExchange, "I.Ivanov@tech.company.ru");
  ASSERT_EQ(outcome_of(second), "vk I.Ivanov@tech.company.ru");
  EXPECT_TRUE(check(second, header).is_positive());
  header = fields(second, header) + header;
  EXPECT_EQ(check(first, header).line().substr(0, 9), "554 5.4.6");
  EXPECT_EQ(check(second, header).line().substr(0, 9), "554 5.4.6");
  EXPECT_TRUE(check(decide(kWorkspace, "p.petrov@company.ru"), header).is_positive());
  EXPECT_EQ(forged_, 0U);
}

TEST_F(LoopGuardTest, S9WhenXIsNotKnownAsXTheThirdPassEndsTheCircle) {
  std::string header = "Subject: x\r\n";
  int passes = 0;
  for (; passes < 10; ++passes) {
    const Decision decision = decide("10.0.0.99", "p.petrov@company.ru");
    ASSERT_EQ(outcome_of(decision), "exchange p.petrov@company.ru");
    if (!check(decision, header).is_positive()) break;
    header = fields(decision, header) + header;
  }
  EXPECT_EQ(passes, 2);
}

TEST_F(LoopGuardTest, R13ATagDoesNotMakeAnotherMailbox) {
  std::string header;
  header = fields(decide(kStranger, "i.ivanov+1@company.ru"), header) + header;
  header = fields(decide(kStranger, "i.ivanov+2@company.ru"), header) + header;
  EXPECT_FALSE(check(decide(kStranger, "i.ivanov+3@tech.company.ru"), header).is_positive());
}

TEST_F(LoopGuardTest, R13OneFieldAMailbox) {
  const Decision a = decide(kStranger, "i.ivanov@company.ru");
  const Decision b = decide(kStranger, "p.petrov@company.ru");
  const Decision c = decide(kStranger, "p.petrov+x@company.ru");
  const std::string made = world_.pipeline().trace_fields({&a, &b, &c}, MessageFacts());
  EXPECT_EQ(scan_header(made).trace_fields.size(), 2U);
}

TEST_F(LoopGuardTest, R13NoFieldOnMailToOtherDomainsOrToADlp) {
  EXPECT_EQ(fields(decide(kWorkspace, "sales@corp.com"), ""), "");
  EXPECT_EQ(fields(decide(kDlp, "sales@corp.com"), ""), "");
  const World by_x([](Config& config) { config.gateways.external = {"exchange"}; });
  const Decision out = by_x.decide({kWorkspace, "sales@corp.com"});
  ASSERT_EQ(outcome_of(out), "exchange sales@corp.com");
  EXPECT_EQ(by_x.pipeline().trace_fields({&out}, MessageFacts()), "");
}

TEST_F(LoopGuardTest, R13ForgedFieldsCountAsNoneAndAreCounted) {
  const Decision decision = decide(kStranger, "i.ivanov@company.ru");
  std::string forged = fields(decision, "");
  forged.replace(forged.find("pass=1"), 6, "pass=9");
  EXPECT_TRUE(check(decision, forged + "Postern-Trace: nonsense\r\n").is_positive());
  EXPECT_EQ(forged_, 2U);
  EXPECT_THAT(fields(decision, forged), HasSubstr("pass=1;"));
}

TEST_F(LoopGuardTest, WithoutTheStageNothingIsJudgedAndNothingIsMarked) {
  const World world(
      [](Config& config) { config.routing.stages.erase(config.routing.stages.begin()); });
  const Decision decision = world.decide({kStranger, "i.ivanov@company.ru"});
  MessageFacts facts;
  facts.received = 1000;
  EXPECT_TRUE(world.pipeline().check_message(Request(), decision, facts, nullptr).is_positive());
  EXPECT_EQ(world.pipeline().trace_fields({&decision}, facts), "");
}

TEST_F(LoopGuardTest, WhatIsRefusedAtRcptIsNotJudgedAgain) {
  const Decision refused = decide(kStranger, "sales@corp.com");
  MessageFacts facts;
  facts.received = 1000;
  EXPECT_TRUE(world_.pipeline().check_message(Request(), refused, facts, nullptr).is_positive());
}

/// Counts how often it is asked.
class CountingDirectory final : public Directory {
 public:
  mutable unsigned asked = 0;
  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override {
    ++asked;
    const bool known = mailbox.local() == "i.ivanov";
    return {known ? Presence::known : Presence::unknown, "counted"};
  }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return look_up_now(mailbox);
  }
};

TEST(Pipeline, R8R9TheDirectoryIsAskedOnceAboutWhomItHas) {
  Config config = example_config();
  config.recipients.validate = true;
  const CountingDirectory directory;
  const StageSources sources{&config, &directory};
  const auto pipeline = Pipeline::build(Registry::builtin(), sources);
  ASSERT_TRUE(pipeline);
  Request request;
  request.client = *parse_ip(kStranger);
  request.listener = "mx";
  request.recipient = mailbox("i.ivanov@tech.company.ru");
  EXPECT_EQ(outcome_of(*pipeline->decide_now(request)), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(directory.asked, 1U);
  config.recipients.validate = false;
  const auto lax = Pipeline::build(Registry::builtin(), sources);
  ASSERT_TRUE(lax);
  EXPECT_EQ(outcome_of(*lax->decide_now(request)), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(directory.asked, 2U) << "by unknown_recipient";
}

}  // namespace
}  // namespace postern::routing::testing
