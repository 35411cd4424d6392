// SPDX-License-Identifier: Apache-2.0
// Recorded envelopes decided again: what changes, in which groups, and what cannot be told.
#include "gateway/replay.h"

#include "gateway/recording.h"
#include "gateway/replay_report.h"
#include "recorded_envelopes.h"
#include "tests/gateway/config_support.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() { std::filesystem::create_directories(folder_); }
  ~ReplayTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  static std::shared_ptr<const Snapshot> build(const std::string& text) {
    LoadResult loaded = parse(text);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    auto snapshot = Snapshot::build(std::move(*loaded.config));
    EXPECT_TRUE(snapshot) << shown(snapshot.error());
    return *snapshot;
  }
  std::shared_ptr<const Snapshot> with_cutover(const std::string& list) const {
    return build(replaced(kSmall, "mailboxes =", "cutover = \"" + list + "\"\nmailboxes ="));
  }
  static ReplayReport replay(const Snapshot& next,
                             const std::vector<RecordedEnvelope>& envelopes,
                             const Snapshot* against = nullptr) {
    Replay replay(next, against);
    for (const RecordedEnvelope& envelope : envelopes)
      replay.add(envelope);
    return replay.finish();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-replay-" + std::to_string(::getpid()));
};

RecordedEnvelope with_way(RecordedEnvelope envelope, routing::DecisionKind kind, int code) {
  Way& way = envelope.recipients[0].way;
  way = Way();
  way.kind = kind;
  way.code = static_cast<std::uint16_t>(code);
  way.status = {static_cast<std::uint16_t>(code / 100), 1, 1};
  way.stage = "address_validation";
  return envelope;
}

TEST_F(ReplayTest, FindsNothingWhereTheConfigDecidesAsItDid) {
  const auto next = build(std::string(kSmall));
  RecordedEnvelope other_case = routed("anna@company.ru", "exchange");
  other_case.recipients[0].way.recipient_out = smtp::Mailbox("anna", "COMPANY.ru");
  const ReplayReport report = replay(*next, {routed("anna@company.ru", "exchange"), other_case});
  EXPECT_EQ(report.unchanged, 2U);
  EXPECT_EQ(report.changed, 0U);
  EXPECT_THAT(report.groups, SizeIs(0));
  EXPECT_EQ(report.share(), 0.0);
}

constexpr const char* kJournal = "[[journal]]\nto = \"all@archive.ru\"\nvia = \"vk\"\n";

TEST_F(ReplayTest, ACopyThatComesOrGoesIsAChangeOfItsOwn) {
  const auto without = build(std::string(kSmall));
  const auto with = build(std::string(kSmall) + kJournal);
  const std::vector<RecordedEnvelope> letters{routed("anna@company.ru", "exchange"),
                                              routed("boris@company.ru", "exchange")};
  const ReplayReport gains = replay(*with, letters);
  EXPECT_EQ(gains.changed, 2U);
  ASSERT_THAT(gains.groups, SizeIs(1));
  EXPECT_EQ(gains.groups[0].from, "exchange");
  EXPECT_EQ(gains.groups[0].to, "exchange, and a copy (journal) to vk");
  EXPECT_EQ(gains.groups[0].stage, "copies");
  EXPECT_THAT(gains.groups[0].reason, StartsWith("journal: "));
  EXPECT_EQ(gains.share(), 1.0);
  const ReplayReport loses = replay(*without, letters, with.get());
  ASSERT_THAT(loses.groups, SizeIs(1));
  EXPECT_EQ(loses.groups[0].from, "exchange, and a copy (journal) to vk");
  EXPECT_EQ(loses.groups[0].to, "exchange");
  EXPECT_EQ(loses.groups[0].reason, "no stage asks for a copy");
  EXPECT_EQ(replay(*with, letters, with.get()).changed, 0U);
}

TEST_F(ReplayTest, ACopyElsewhereIsAChangeAndItsPlaceInTheOrderIsNone) {
  const auto next = build(std::string(kSmall) + kJournal);
  RecordedEnvelope letter = routed("anna@company.ru", "exchange");
  std::vector<CopyWay>& copies = letter.recipients[0].way.copies;
  copies = {
      {routing::CopyKind::journal, "vk", *smtp::Mailbox::parse("all@archive.ru")}
  };
  EXPECT_EQ(replay(*next, {letter}).unchanged, 1U);
  copies[0].recipient_out = *smtp::Mailbox::parse("old@archive.ru");
  const ReplayReport report = replay(*next, {letter});
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].to, "exchange, and a copy (journal) to vk under another address");
  const auto both = build(std::string(kSmall) + kJournal +
                          replaced(kJournal, "all@archive.ru", "old@archive.ru"));
  copies.push_back({routing::CopyKind::journal, "vk", *smtp::Mailbox::parse("all@archive.ru")});
  EXPECT_EQ(replay(*both, {letter}).unchanged, 1U) << "the config names them the other way round";
}

TEST_F(ReplayTest, ARecordThatKnowsNoCopiesIsComparedByItsWayAlone) {
  const auto next = build(std::string(kSmall) + kJournal);
  RecordedEnvelope letter = routed("anna@company.ru", "exchange");
  letter.knows_copies = false;
  EXPECT_EQ(replay(*next, {letter}).unchanged, 1U);
  const auto without = build(std::string(kSmall));
  EXPECT_EQ(replay(*next, {letter}, without.get()).changed, 1U) << "two configs know theirs";
}

TEST_F(ReplayTest, AWayThatChangesWithItsCopiesSaysBoth) {
  const auto next = build(replaced(kSmall, "mailboxes =", "dual_delivery = \"*\"\nmailboxes ="));
  const ReplayReport report = replay(*next, {routed("anna@company.ru", "exchange")});
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].from, "exchange");
  EXPECT_EQ(report.groups[0].to, "vk, and a copy (dual) to exchange");
  EXPECT_EQ(report.groups[0].stage, "dual_delivery");
}

TEST_F(ReplayTest, GroupsWhatChangesByWayAndStageTheLargestFirstR5) {
  const auto next = with_cutover(file("cutover.txt", "anna\nboris\nclara\ndima\n"));
  std::vector<RecordedEnvelope> envelopes;
  for (const char* who : {"anna", "boris", "clara", "dima", "eva"})
    envelopes.push_back(routed(std::string(who) + "@company.ru", "exchange"));
  envelopes.push_back(with_way(routed("fedor@company.ru", ""), routing::DecisionKind::reject, 550));
  const ReplayReport report = replay(*next, envelopes);
  EXPECT_EQ(report.envelopes, 6U);
  EXPECT_EQ(report.recipients, 6U);
  EXPECT_EQ(report.changed, 5U);
  EXPECT_EQ(report.unchanged, 1U);
  ASSERT_THAT(report.groups, SizeIs(2));
  EXPECT_EQ(report.groups[0].from, "exchange");
  EXPECT_EQ(report.groups[0].to, "vk");
  EXPECT_EQ(report.groups[0].recipients, 4U);
  EXPECT_EQ(report.groups[0].stage, "cutover");
  EXPECT_EQ(report.groups[0].reason, "cutover.txt, line 1 (R5)");
  EXPECT_THAT(report.groups[0].examples, SizeIs(ReplayGroup::kExamples));
  EXPECT_EQ(report.groups[0].examples[2].recipient, "clara@company.ru");
  EXPECT_EQ(report.groups[1].from, "refused (550 5.1.1)");
  EXPECT_EQ(report.groups[1].to, "exchange");
  EXPECT_EQ(report.groups[1].stage, "custom_route");
  EXPECT_NEAR(report.share(), 5.0 / 6, 1e-9);
}

TEST_F(ReplayTest, WhatAPolicyServerDecidedIsNotComparedAndNoneIsAsked) {
  // Nobody listens there: asking would be a deferral.
  const auto next =
      build(std::string(kSmall) + "[[policy]]\nname = \"p\"\nserver = \"inet:127.0.0.1:1\"\n");
  RecordedEnvelope refused =
      with_way(routed("a@company.ru", ""), routing::DecisionKind::reject, 554);
  refused.recipients[0].way.stage = "policy";
  RecordedEnvelope other = refused;
  other.recipients[0].way.stage = "policy:p";
  const ReplayReport report = replay(*next, {refused, other, routed("b@company.ru", "exchange")});
  EXPECT_EQ(report.by_policy, 2U);
  EXPECT_EQ(report.unchanged, 1U);
  EXPECT_EQ(report.share(), 0.0);
  EXPECT_THAT(format_text(report), HasSubstr("2 recipients were decided by a policy server"));
}

TEST_F(ReplayTest, TextAndJsonSayTheSame) {
  const auto next = build(replaced(kSmall, "via = \"exchange\"", "via = \"vk\""));
  RecordedEnvelope envelope = routed("an\nna@company.ru", "exchange");
  envelope.sender = {};
  const ReplayReport report = replay(*next, {envelope});
  const std::string text = format_text(report);
  EXPECT_THAT(text, StartsWith("1 recipient: exchange -> vk, because custom_route ("));
  EXPECT_THAT(text, HasSubstr("<an\\x0ana@company.ru> from <>, client 192.0.2.1, listener mx\n"));
  EXPECT_THAT(text,
              HasSubstr("1 of 1 recipient (100%) would change, 0 stay; 1 envelope from "
                        "2024-10-04T00:00:00Z to 2024-10-04T00:00:00Z\n"));
  const auto json = to_json(report);
  EXPECT_EQ(json["changed"], 1);
  EXPECT_EQ(json["share"], 1.0);
  EXPECT_EQ(json["groups"][0]["from"], "exchange");
  EXPECT_EQ(json["groups"][0]["examples"][0]["recipient"], "an\nna@company.ru");
}

TEST_F(ReplayTest, AnotherAddressAtTheSameNextHopIsAChangeR4) {
  const auto next = build(replaced(kSmall, "mailboxes =", "deliver_as = \"main\"\nmailboxes ="));
  const ReplayReport report = replay(*next, {routed("anna@tech.company.ru", "vk")});
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].from, "vk as @tech.company.ru");
  EXPECT_EQ(report.groups[0].to, "vk as @company.ru");
}

TEST_F(ReplayTest, CountsApartWhoCouldNotBeAskedR5) {
  const auto next = with_cutover((folder_ / "no-such-list").string());
  const ReplayReport report =
      replay(*next,
             {routed("anna@company.ru", "exchange"),
              with_way(routed("boris@company.ru", ""), routing::DecisionKind::defer, 451)});
  EXPECT_EQ(report.deferred, 1U);
  EXPECT_EQ(report.deferred_before, 1U);
  EXPECT_EQ(report.changed + report.unchanged, 0U);
  EXPECT_EQ(report.share(), 1.0);
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_TRUE(report.groups[0].deferred);
  EXPECT_THAT(report.groups[0].to, StartsWith("deferred (451 4."));
}

TEST_F(ReplayTest, TwoRefusalsAreOneWhateverTheirReply) {
  const auto next = build("");
  const ReplayReport report =
      replay(*next, {with_way(routed("a@company.ru", ""), routing::DecisionKind::reject, 550)});
  EXPECT_EQ(report.unchanged, 1U);
}

TEST_F(ReplayTest, AListenerThatIsGoneIsARefusal) {
  const auto next = build(replaced(kSmall, "name = \"mx\"", "name = \"front\""));
  const ReplayReport report = replay(*next, {routed("a@company.ru", "exchange")});
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].to, "refused");
  EXPECT_EQ(report.groups[0].stage, "listener");
  EXPECT_THAT(report.groups[0].reason, HasSubstr("no listener \"mx\""));
}

TEST_F(ReplayTest, ComparesTwoConfigsWhateverWasDecidedThen) {
  const auto before = build(std::string(kSmall));
  const auto next = build(replaced(kSmall, "via = \"exchange\"", "via = \"vk\""));
  const std::vector<RecordedEnvelope> envelopes{routed("a@company.ru", "long-gone")};
  EXPECT_EQ(replay(*before, envelopes, before.get()).changed, 0U);
  const ReplayReport report = replay(*next, envelopes, before.get());
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].from, "exchange");
}

TEST_F(ReplayTest, DomainsOutsideAreOneGroup) {
  const auto next = build(std::string(kSmall));
  std::vector<RecordedEnvelope> envelopes;
  for (const char* to : {"a@one.example", "a@two.example"}) {
    envelopes.push_back(routed(to, "dlp"));
    envelopes.back().client = *parse_ip("10.0.0.5");
  }
  const ReplayReport report = replay(*next, envelopes);
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_EQ(report.groups[0].to, "DNS MX");
}

TEST_F(ReplayTest, HashedLocalPartsAreComparedWhereTheDomainAloneDecides) {
  const auto list = file("cutover.txt", "anna\n");
  const auto next = with_cutover(list);
  RecordedEnvelope asked = routed("~0123456789abcdef@company.ru", "exchange");
  asked.hashed = true;
  RecordedEnvelope by_alias = routed("~0123456789abcdef@tech.company.ru", "exchange");
  by_alias.hashed = true;
  const ReplayReport report = replay(*next, {asked, by_alias});
  EXPECT_EQ(report.hidden, 1U);
  EXPECT_EQ(report.changed, 1U);  // T is bound to V before the list is asked (R4)
  EXPECT_THAT(format_text(report), HasSubstr("hashed local parts"));
  const ReplayReport without = replay(*build(std::string(kSmall)), {asked});
  EXPECT_EQ(without.hidden, 0U);
  EXPECT_EQ(without.unchanged, 1U);
}

TEST_F(ReplayTest, HashedLocalPartsAreNotComparedWhereAWaveOrADomainsDirectoryDecides) {
  const std::string list = file("list.txt", "anna\n");
  RecordedEnvelope asked = routed("~0123456789abcdef@company.ru", "exchange");
  asked.hashed = true;
  const std::string wave =
      "[[wave]]\nname = \"w\"\nmembers = \"file:" + list + "\"\nstate = \"cutover\"\n";
  EXPECT_EQ(replay(*build(std::string(kSmall) + wave), {asked}).hidden, 1U);
  const std::string cutover = "cutover = \"any:file:" + list + " file:" + list + "\"\nmailboxes =";
  EXPECT_EQ(replay(*build(replaced(kSmall, "mailboxes =", cutover)), {asked}).hidden, 1U);
  RecordedEnvelope by_alias = routed("~0123456789abcdef@tech.company.ru", "vk");
  by_alias.hashed = true;
  const std::string directory = "directory = \"file:" + list + "\"\nmailboxes =";
  const std::string validates = "[recipients]\nvalidate = true\n";
  EXPECT_EQ(
      replay(*build(replaced(kSmall, "mailboxes =", directory) + validates), {by_alias}).hidden,
      1U);
}

TEST_F(ReplayTest, TheHashIsOfTheMailboxHoweverItIsWrittenAndKeepsTheDomain) {
  routing::Config config;
  config.routing.trace_key = "0123456789abcdef";
  const smtp::Mailbox anna = hashed(smtp::Mailbox("Anna", "company.ru"), config);
  EXPECT_EQ(anna, hashed(smtp::Mailbox("\"anna\"", "company.ru"), config));
  EXPECT_EQ(anna.domain(), "company.ru");
  EXPECT_THAT(std::string(anna.local()), ::testing::MatchesRegex("~[0-9a-f]{16}"));
  EXPECT_NE(anna, hashed(smtp::Mailbox("boris", "company.ru"), config));
  EXPECT_EQ(hashed(smtp::Mailbox("Postmaster", ""), config).text(), "Postmaster");
  config.routing.trace_key = "another key of sixteen";
  EXPECT_NE(anna, hashed(smtp::Mailbox("Anna", "company.ru"), config));
}

/// Has to wait for its answer; counts how many wait with it.
class Slow final : public routing::Stage {
 public:
  explicit Slow(std::size_t& most) : most_(most) {}
  std::string_view name() const override { return "slow"; }
  routing::Answer evaluate(const routing::Progress& progress) const override {
    return ask(progress);
  }

 private:
  net::Awaitable<routing::Verdict> ask(const routing::Progress& progress) const {
    most_ = std::max(most_, ++now_);
    const net::Executor executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, net::use_awaitable);
    --now_;
    if (progress.recipient.local() == "anna")
      co_return routing::Verdict{routing::Discard{}, "anna"_text};
    co_return routing::Verdict{routing::Pass{}, "not anna"_text};
  }

  std::size_t& most_;
  mutable std::size_t now_ = 0;
};

TEST_F(ReplayTest, AsksSideBySideWhatHasToBeWaitedFor) {
  LoadResult loaded = parse(std::string(kSmall));
  ASSERT_TRUE(loaded.config);
  Config config = *loaded.config;
  config.routing.routing.trace_key = "0123456789abcdef";
  config.routing.routing.stages.insert(config.routing.routing.stages.begin(), "slow");
  std::size_t most = 0;
  routing::Registry registry = routing::Registry::builtin();
  registry.add("slow",
               [&most](const routing::StageSources&) { return std::make_unique<Slow>(most); });
  routing::StageSources sources;
  sources.config = &config.routing;
  const auto pipeline = routing::Pipeline::build(registry, sources);
  ASSERT_TRUE(pipeline) << pipeline.error();
  std::vector<RecordedEnvelope> envelopes;
  for (int i = 0; i < 200; ++i)
    envelopes.push_back(routed(i % 2 == 0 ? "anna@company.ru" : "boris@company.ru", "exchange"));
  const std::vector<ReplayAnswer> answers = ReplayDecider(config, *pipeline).decide(envelopes);
  ASSERT_THAT(answers, SizeIs(200));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].way.kind,
              i % 2 == 0 ? routing::DecisionKind::discard : routing::DecisionKind::route);
  }
  EXPECT_GT(most, 32U);
  EXPECT_LE(most, 64U);
}

TEST(ReplayReport, SharesAreNeverRoundedToNothingOrToAll) {
  EXPECT_EQ(percent(0), "0%");
  EXPECT_EQ(percent(0.00001), "0.1%");
  EXPECT_EQ(percent(0.05), "5.0%");
  EXPECT_EQ(percent(0.9999999), "99.9%");
  EXPECT_EQ(percent(1), "100%");
}

}  // namespace
}  // namespace postern::gateway
