// SPDX-License-Identifier: Apache-2.0
// The stage "cutover" of a config with waves: every state for mail from everybody.
#include "routing/waves.h"

#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The example with one wave, "pilot": anna and boris by address, vlad by his local part.
class WaveWorld {
 public:
  /// `members`: a setting that is no file, and `known` answers it; empty: the file.
  explicit WaveWorld(WaveState state,
                     std::string_view cutover = "v.vetrov@company.ru\n",
                     const std::string& members = {},
                     const Directory* known = nullptr)
      : cutover_(cutover), config_(example_config()) {
    config_.domains.front().cutover_file = cutover_.path();
    config_.waves = {
        WaveConfig{"pilot", members.empty() ? "file:" + file_.path() : members, state, {}}
    };
    directory_.known = {"anna", "boris", "vlad", "v.vetrov"};
    lists_ = std::make_unique<CutoverLists>(config_);
    waves_ = std::make_unique<Waves>(config_);
    if (known != nullptr) waves_->use(members, *known);
    StageSources sources{&config_, &directory_, lists_.get()};
    sources.waves = waves_.get();
    pipeline_.emplace(*Pipeline::build(Registry::builtin(), sources));
  }

  Decision decide(std::string_view client, std::string_view to) const {
    const Situation situation(config_, {client, to});
    return run(*pipeline_, situation.request);
  }
  std::string outcome(std::string_view client, std::string_view to) const {
    return outcome_of(decide(client, to));
  }
  /// What the stage said.
  std::string said(std::string_view client, std::string_view to) const {
    for (const TraceStep& step : decide(client, to).trace) {
      if (step.stage == "cutover")
        return std::string(step.verdict) + ": " + std::string(step.reason.view());
    }
    return "the stage was not asked";
  }

 private:
  TemporaryFile cutover_;
  TemporaryFile file_{"# who begins\nanna@company.ru\nboris@company.ru\nvlad\n"};
  Config config_;
  FakeDirectory directory_;
  std::unique_ptr<CutoverLists> lists_;
  std::unique_ptr<Waves> waves_;
  std::optional<Pipeline> pipeline_;
};

struct Row {
  WaveState state;
  std::string_view client;
  std::string_view to;
  std::string_view outcome;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << name_of(row.state) << ", from " << row.client << " to " << row.to;
}

class WaveWays : public ::testing::TestWithParam<Row> {};

TEST_P(WaveWays, AreThoseOfTheState) {
  const Row& row = GetParam();
  EXPECT_EQ(WaveWorld(row.state).outcome(row.client, row.to), row.outcome);
}

constexpr std::string_view kX = "exchange anna@company.ru";
constexpr std::string_view kV = "vk anna@tech.company.ru";
constexpr std::string_view kD = "anna@company.ru";
constexpr std::string_view kT = "anna@tech.company.ru";
constexpr auto kPlanned = WaveState::planned;
constexpr auto kDual = WaveState::dual;
constexpr auto kCutover = WaveState::cutover;
constexpr auto kBack = WaveState::rolled_back;

// clang-format off
const Row kRows[] = {
    // U@D: X's until the wave is cut over. From X itself it is V's (R7, S6).
    {kPlanned, kStranger, kD, kX}, {kPlanned, kWorkspace, kD, kX}, {kPlanned, kDlp, kD, kX}, {kPlanned, kService, kD, kX},
    {kPlanned, kExchange, kD, kV},
    {kDual, kStranger, kD, kX}, {kDual, kWorkspace, kD, kX}, {kDual, kDlp, kD, kX}, {kDual, kService, kD, kX},
    {kDual, kExchange, kD, kV},
    {kBack, kStranger, kD, kX}, {kBack, kWorkspace, kD, kX}, {kBack, kDlp, kD, kX}, {kBack, kService, kD, kX},
    {kBack, kExchange, kD, kV},
    {kCutover, kStranger, kD, kV}, {kCutover, kWorkspace, kD, kV}, {kCutover, kDlp, kD, kV}, {kCutover, kService, kD, kV},
    {kCutover, kExchange, kD, kV},
    // U@T: X's copy (S2, S4), V's in every state; V's own U@T would only go round (R7).
    {kPlanned, kExchange, kT, kV}, {kDual, kExchange, kT, kV}, {kCutover, kExchange, kT, kV}, {kBack, kExchange, kT, kV},
    {kDual, kStranger, kT, kV}, {kCutover, kStranger, kT, kV},
    {kDual, kWorkspace, kT, "554 5.4.6 split_horizon"}, {kCutover, kWorkspace, kT, "554 5.4.6 split_horizon"},
    // Tags, case, local parts alone (R8a); whoever is in no wave keeps his way.
    {kCutover, kStranger, "ANNA+news@company.ru", "vk ANNA+news@tech.company.ru"},
    {kCutover, kStranger, "vlad@company.ru", "vk vlad@tech.company.ru"},
    {kCutover, kStranger, "zoya@company.ru", "exchange zoya@company.ru"},
    {kCutover, kStranger, "anna@corp.com", "550 5.7.1 relay_access"},
    // The cut-over list goes on beside waves (R5).
    {kPlanned, kStranger, "v.vetrov@company.ru", "vk v.vetrov@tech.company.ru"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(StateByOrigin, WaveWays, ::testing::ValuesIn(kRows));

TEST(WaveStage, NamesTheWaveItsStateAndTheLineInEveryVerdict) {
  EXPECT_EQ(WaveWorld(kPlanned).said(kStranger, kD),
            "pass: wave pilot: planned (list.txt, line 2)");
  EXPECT_EQ(WaveWorld(kDual).said(kStranger, kD), "pass: wave pilot: dual (list.txt, line 2)");
  EXPECT_EQ(WaveWorld(kBack).said(kStranger, "vlad@company.ru"),
            "pass: wave pilot: rolled_back (list.txt, line 4)");
  EXPECT_EQ(WaveWorld(kCutover).said(kStranger, kD),
            "bind: wave pilot: cutover (list.txt, line 2) (R5)");
}

TEST(WaveStage, TellsTheLogTheWaveBesideTheReasonOfWhoDecided) {
  const Decision decision = WaveWorld(kDual).decide(kStranger, kD);
  EXPECT_EQ(decision.stage, "custom_route");
  EXPECT_EQ(decision.told(), "wave pilot: dual (list.txt, line 2)");
  EXPECT_EQ(WaveWorld(kCutover).decide(kStranger, kD).told(),
            "wave pilot: cutover (list.txt, line 2) (R5)");
  EXPECT_EQ(WaveWorld(kCutover).decide(kStranger, "zoya@company.ru").told(), "");
}

TEST(WaveStage, SaysOfOthersWhatItSaysWithoutWaves) {
  EXPECT_EQ(WaveWorld(kCutover).said(kStranger, "zoya@company.ru"),
            "pass: not in the domain's cutover list");
  EXPECT_EQ(WaveWorld(kCutover).said(kExchange, "a@corp.com"), "pass: not a domain of ours");
  EXPECT_EQ(WaveWorld(kCutover).said(kExchange, kT),
            "pass: bound to the domain's mailboxes already");
}

TEST(WaveStage, TheCutoverListHasTheLastWordR5) {
  for (const WaveState state : {kPlanned, kDual, kBack}) {
    const WaveWorld world(state, "\nanna\n");
    EXPECT_EQ(world.outcome(kStranger, kD), kV) << name_of(state);
    EXPECT_EQ(world.said(kStranger, kD), "bind: list.txt, line 2 (R5)");
  }
}

/// A wave whose file is not there, and its pipeline's answer about anna and zoya.
std::string outcome_without_file(WaveState state, std::string_view to) {
  Config config = example_config();
  config.waves = {
      WaveConfig{"pilot", "file:/no/such/file", state, {}}
  };
  FakeDirectory directory;
  const CutoverLists lists(config);
  const Waves waves(config);
  StageSources sources{&config, &directory, &lists};
  sources.waves = &waves;
  const Result<Pipeline, std::string> pipeline = Pipeline::build(Registry::builtin(), sources);
  const Situation situation(config, {kStranger, to});
  return outcome_of(run(*pipeline, situation.request));
}

TEST(WaveStage, MembersThatCannotBeReadDeferOnlyWhereTheyDecideR5) {
  EXPECT_EQ(outcome_without_file(kCutover, kD), "451 4.4.3 cutover");
  EXPECT_EQ(outcome_without_file(kCutover, "a@tech.company.ru").substr(0, 8), "exchange");
  EXPECT_EQ(outcome_without_file(kPlanned, kD), kX);
  EXPECT_EQ(outcome_without_file(kDual, kD), kX);
  EXPECT_EQ(outcome_without_file(kBack, kD), kX);
}

TEST(WaveStage, AsksADirectoryThatHasToBeWaitedFor) {
  FakeDirectory members;
  members.immediate = false;
  members.known = {"anna"};
  const WaveWorld world(kCutover, "", "ldap:ad", &members);
  EXPECT_EQ(world.outcome(kStranger, kD), kV);
  EXPECT_EQ(world.said(kStranger, kD), "bind: wave pilot: cutover (fake directory) (R5)");
  EXPECT_EQ(world.outcome(kStranger, "boris@company.ru"), "exchange boris@company.ru");
  members.available = false;
  EXPECT_EQ(world.outcome(kStranger, kD), "451 4.4.3 cutover");
  EXPECT_THAT(world.said(kStranger, kD), HasSubstr("the directory is down"));
  const WaveWorld dual(kDual, "", "ldap:ad", &members);
  EXPECT_EQ(dual.outcome(kStranger, kD), kX);
}

/// Two waves whose members a directory each knows, and a third with the second one's.
class TwoWaves {
 public:
  TwoWaves(WaveState first, WaveState second, std::optional<WaveState> third = std::nullopt) {
    config_.waves = {
        WaveConfig{"pilot",  "ldap:a", first,  {}},
        WaveConfig{"second", "ldap:b", second, {}}
    };
    if (third) config_.waves.push_back(WaveConfig{"third", "ldap:b", *third, {}});
    a_.known = b_.known = {"both"};
    a_.known.insert("anna");
    b_.known.insert("boris");
    waves_ = std::make_unique<Waves>(config_);
    waves_->use("ldap:a", a_);
    waves_->use("ldap:b", b_);
    StageSources sources{&config_, nullptr, &lists_};
    sources.waves = waves_.get();
    pipeline_.emplace(*Pipeline::build(Registry::builtin(), sources));
  }

  Decision decide(std::string_view to) const {
    const Situation situation(config_, {kStranger, to});
    return run(*pipeline_, situation.request);
  }
  std::string outcome(std::string_view to) const { return outcome_of(decide(to)); }

  FakeDirectory a_;
  FakeDirectory b_;

 private:
  static Config without_list() {
    Config out = example_config();
    out.domains.front().cutover_file.clear();
    return out;
  }

  Config config_ = without_list();
  CutoverLists lists_{config_};
  std::unique_ptr<Waves> waves_;
  std::optional<Pipeline> pipeline_;
};

TEST(WaveStage, AUserWhomTwoWavesClaimGoesHisWayWhereTheyAgreeAboutIt) {
  const std::pair<WaveState, WaveState> agreeing[] = {
      {kPlanned, kPlanned},
      {kDual,    kBack   },
      {kPlanned, kDual   },
      {kCutover, kCutover}
  };
  for (const auto& [first, second] : agreeing) {
    for (const bool immediate : {true, false}) {
      TwoWaves world(first, second);
      world.a_.immediate = immediate;
      const Decision decision = world.decide("both@company.ru");
      EXPECT_EQ(outcome_of(decision),
                first == kCutover ? "vk both@tech.company.ru" : "exchange both@company.ru")
          << name_of(first) << ", " << name_of(second);
      EXPECT_THAT(std::string(decision.told()), HasSubstr("in two waves: "));
      for (const WaveState state : {first, second})
        EXPECT_THAT(std::string(decision.told()),
                    HasSubstr(std::string(": ").append(name_of(state))));
      EXPECT_THAT(std::string(decision.told()), HasSubstr("wave pilot"));
      EXPECT_THAT(std::string(decision.told()), HasSubstr("wave second"));
    }
  }
}

TEST(WaveStage, OfThreeWavesTheOneThatDisagreesIsNamed) {
  TwoWaves world(kDual, kBack, kCutover);
  for (const bool immediate : {true, false}) {
    world.b_.immediate = immediate;
    const Decision decision = world.decide("both@company.ru");
    EXPECT_EQ(outcome_of(decision), "451 4.3.5 cutover");
    EXPECT_THAT(decision.reason(), HasSubstr("wave pilot: dual"));
    EXPECT_THAT(decision.reason(), HasSubstr("wave third: cutover"));
  }
}

TEST(WaveStage, AUserWhomTwoWavesClaimWaitsWhereTheyDisagreeAndTheReasonNamesBoth) {
  for (const bool immediate : {true, false}) {
    TwoWaves world(kDual, kCutover);
    world.a_.immediate = immediate;
    EXPECT_EQ(world.outcome("anna@company.ru"), "exchange anna@company.ru");
    EXPECT_EQ(world.outcome("boris@company.ru"), "vk boris@tech.company.ru");
    EXPECT_EQ(world.outcome("zoya@company.ru"), "exchange zoya@company.ru");
    const Decision decision = world.decide("both@company.ru");
    EXPECT_EQ(outcome_of(decision), "451 4.3.5 cutover");
    EXPECT_THAT(decision.reason(), HasSubstr("wave second: cutover (fake directory)"));
    EXPECT_THAT(decision.reason(), HasSubstr("wave pilot: dual (fake directory)"));
    EXPECT_THAT(std::string(decision.reply.text()), Not(HasSubstr("pilot")))
        << "clients are not told";
    EXPECT_EQ(world.outcome("both@tech.company.ru"), "vk both@tech.company.ru")
        << "V's in any case";
  }
}

TEST(WaveStage, WhatOneDirectoryCannotSayIsAGuessOnlyWhereItIsCutOverR5) {
  TwoWaves world(kDual, kCutover);
  world.a_.immediate = world.b_.immediate = false;
  world.b_.available = false;
  EXPECT_EQ(world.outcome("anna@company.ru"), "451 4.4.3 cutover");
  EXPECT_EQ(world.outcome("zoya@company.ru"), "451 4.4.3 cutover");
  world.b_.available = true;
  world.a_.available = false;
  EXPECT_EQ(world.outcome("boris@company.ru"), "vk boris@tech.company.ru");
  EXPECT_EQ(world.outcome("zoya@company.ru"), "exchange zoya@company.ru");
}

TEST(WaveStage, OfAnUnknownSettingIsUnavailableAndNotEmpty) {
  const WaveWorld world(kCutover, "", "ldap:ad");
  EXPECT_EQ(world.outcome(kStranger, kD), "451 4.4.3 cutover");
}

TEST(WaveStage, IsThePlainOneWithoutWaves) {
  const Config config = example_config();
  const Waves none(config);
  StageSources sources{&config, nullptr, nullptr};
  sources.waves = &none;
  const auto stage = stages::make_wave_cutover(sources);
  const Situation situation(config, {kStranger, kD});
  EXPECT_EQ(ask(*stage, situation.progress).reason.view(), "the domain has no cutover list");
}

}  // namespace
}  // namespace postern::routing::testing
