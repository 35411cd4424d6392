// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/graph.h"
#include "gateway/proof/judge.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/walk.h"
#include "tests/gateway/proof_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

namespace postern::gateway::proof {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

Proof proved(const std::string& text) {
  const LoadResult loaded = parse(text);
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  return loaded.config ? prove(*loaded.config) : Proof();
}

/// A letter followed through the sound config, as lines of arrows.
class Followed : public testing::Test {
 protected:
  Followed() {
    LoadResult loaded = parse(kCoexistence);
    if (!loaded.config) return;
    config_ = std::make_unique<const Config>(std::move(*loaded.config));
    auto world = World::build(*config_);
    if (world) world_ = std::move(*world);
  }

  void SetUp() override { ASSERT_NE(world_, nullptr); }

  Person person(std::string_view name) const {
    for (const Person& one : persons_of({true, true, true})) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << "no such class: " << name;
    return {};
  }
  const routing::NextHop* hop(std::string_view name) const {
    return world_->routing().find_next_hop(name);
  }
  /// From E to a listener.
  std::vector<std::string> from_e(std::string_view who, const char* to) const {
    Start start;
    start.name = "E";
    start.listener = world_->public_mx();
    start.client = world_->stranger();
    return lines(who, start, to);
  }
  /// From a server to G, or to its own users first.
  std::vector<std::string> from_hop(std::string_view who,
                                    const char* name,
                                    const char* to,
                                    bool first_there = false) const {
    Start start;
    start.name = name;
    start.hop = hop(name);
    if (first_there) start.to_hop = start.hop;
    return lines(who, start, to);
  }
  std::vector<std::string> lines(std::string_view who, const Start& start, const char* to) const {
    const Person one = person(who);
    const Wiring usual;
    Walker walker(*world_, usual, one);
    std::vector<std::string> out;
    const Result<smtp::Mailbox> recipient = smtp::Mailbox::parse(to);
    if (!recipient) return out;
    for (const Leaf& leaf : walker.follow(start, *recipient))
      out.push_back(leaf.arrows());
    return out;
  }

  std::unique_ptr<const Config> config_;
  std::unique_ptr<World> world_;
};

TEST(Proof, HasNothingToSayAboutASoundConfig) {
  const Proof proof = proved(std::string(kCoexistence));
  EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
  EXPECT_GT(proof.letters, 500U);
}

TEST(Proof, HasNothingToSayAboutTheExample) {  // S1 to S10
  const LoadResult loaded = load_config(example_path(), Environment{});
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const Proof proof = prove(*loaded.config);
  EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
  EXPECT_GT(proof.letters, 500U);
}

TEST(Proof, TheDocsShowTheFlowOfTheExample) {
  const LoadResult loaded = load_config(example_path(), Environment{});
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  std::ifstream file(std::string(POSTERN_SOURCE_DIR) + "/docs/proof.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::optional<std::string> drawn = graph(*loaded.config, GraphFormat::mermaid);
  ASSERT_TRUE(drawn);
  EXPECT_THAT(page, HasSubstr("```mermaid\n" + *drawn + "```"))
      << "write what postern check --graph mermaid prints into docs/proof.md";
}

TEST(Proof, AcceptsOtherSoundConfigs) {
  const std::vector<std::vector<Change>> sound = {
      {kNoConnectorListener},
      {{"external = [\"dlp\"]", "external = [\"exchange\"]"}},               // S5 by X
      {{"external = [\"dlp\"]\n", ""}},                                      // S5 by MX
      {{"[gateways]", "[gateways]\ninternal = [\"dlp\"]"}},                  // R10
      {{"cutover = \"/dev/null\"", "deliver_as = \"main\""}},                // R4a
      {{"\"cutover\", \"custom_route\"", "\"custom_route\", \"cutover\""}},  // by X, S6
      {{"domains = [\"company.ru\"]", "domains = [\"*\"]"}},                 // R6
      {{"behaves = \"vk_workspace\"", "behaves = \"final\""}},
      {{"hosts = [\"10.0.0.5:25\"]", "hosts = [\"10.0.0.5:25\"]\nsources = [\"10.0.0.0/28\"]"}},
      {{"[recipients]", "[[route]]\ndomains = [\"other.com\"]\nvia = \"vk\"\n[recipients]"}},
  };
  for (const std::vector<Change>& changes : sound) {
    const Proof proof = proved(changed(changes));
    EXPECT_LE(exit_status(proof.findings), 0) << changes.front().second << "\n"
                                              << shown(proof.findings);
  }
}

TEST(Proof, FollowsMembersOfAWaveThatIsCutOverWhoeverKnowsThem) {
  const std::string wave = "[[wave]]\nname = \"pilot\"\nmembers = \"smtp:vk\"\nstate = \"";
  const auto drawn = [&wave](const std::string& state) {
    const LoadResult loaded = parse(changed({
                                        {"cutover = \"/dev/null\"\n", ""}
    }) +
                                    wave + state + "\"\n");
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    if (!loaded.config) return std::string();
    EXPECT_EQ(exit_status(prove(*loaded.config).findings), 0);
    return graph(*loaded.config, GraphFormat::mermaid).value_or("");
  };
  EXPECT_THAT(drawn("cutover"), HasSubstr("|cutover|"));
  EXPECT_THAT(drawn("dual"), Not(HasSubstr("|cutover|"))) << "as if they were in no wave";
}

TEST(Proof, TakesDomainsOfOneShapeForOne) {
  std::string text(kCoexistence);
  std::string domains;
  std::string routes = "[[route]]\nvia = \"exchange\"\ndomains = [";
  for (int i = 0; i < 3000; ++i) {
    domains += fmt::format(
        "[[domain]]\nname = \"d{0}.ru\"\naliases = [\"t{0}.ru\"]\nmailboxes = "
        "\"vk\"\ncutover = \"/dev/null\"\n",
        i);
    routes += fmt::format("\"d{}.ru\", ", i);
  }
  const Proof proof = proved(text + domains + routes + "]\n");
  EXPECT_EQ(proof.domains, 3001U);
  EXPECT_EQ(proof.shapes, 1U);
  EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
}

TEST(Proof, FindsTheOneDomainAmongManyThatIsWrong) {
  std::string domains;
  for (int i = 0; i < 100; ++i)
    domains += fmt::format(
        "[[domain]]\nname = \"d{0}.ru\"\naliases = [\"t{0}.ru\"]\nmailboxes = \"{1}\"\n",
        i,
        i == 70 ? "exchange" : "vk");
  const Proof proof = proved(std::string(kCoexistence) + domains +
                             "[[route]]\ndomains = [\"*\"]\nvia = \"exchange\"\n");
  ASSERT_FALSE(proof.findings.empty());
  EXPECT_TRUE(std::any_of(proof.findings.begin(), proof.findings.end(), [](const Finding& f) {
    return f.code == "no-copy" && f.line == 46 + 70 * 4 + 3 && f.key == "domain.mailboxes";
  })) << shown(proof.findings);
}

TEST(Proof, SaysWhatManyLettersSufferFromOneSettingOnce) {
  const Proof proof = proved(changed({kNoConnectorListener, kWrongSources}));
  const auto loops = std::count_if(proof.findings.begin(),
                                   proof.findings.end(),
                                   [](const Finding& f) { return f.code == "loop"; });
  EXPECT_EQ(loops, 1) << shown(proof.findings);
  EXPECT_THAT(shown(proof.findings), HasSubstr("more ways like it"));
}

TEST(Proof, OfAConfigWithoutListenersFollowsNothing) {
  EXPECT_EQ(proved("hostname = \"a.b\"\n").letters, 0U);
}

TEST_F(Followed, S1StaysInX) {
  EXPECT_THAT(from_hop("not migrated", "exchange", "u@company.ru", true),
              ElementsAre("exchange: rests"));
}

TEST_F(Followed, S2LeavesOneCopyInEach) {
  EXPECT_THAT(
      from_hop("migrated", "exchange", "u@company.ru", true),
      UnorderedElementsAre("exchange: rests", "exchange -> G(exchange) -[tech_alias]-> vk: rests"));
}

TEST_F(Followed, S3GoesToXAlone) {
  EXPECT_THAT(from_hop("not migrated", "vk", "u@company.ru"),
              ElementsAre("vk -> G(mx) -[custom_route]-> exchange: rests"));
}

TEST_F(Followed, S4PassesTwiceAndLeavesOneCopyInEach) {
  EXPECT_THAT(
      from_hop("migrated", "vk", "u@company.ru"),
      UnorderedElementsAre(
          "vk -> G(mx) -[custom_route]-> exchange: rests",
          "vk -> G(mx) -[custom_route]-> exchange -> G(exchange) -[tech_alias]-> vk: rests"));
}

TEST_F(Followed, S5GoesToTheWorldByTheFilter) {
  EXPECT_THAT(from_hop("unknown", "vk", "a@corp.com"),
              ElementsAre("vk -> G(mx) -[external_gateway]-> dlp -> the world: rests"));
}

TEST_F(Followed, S6GoesToVAndNotBackToX) {
  EXPECT_THAT(from_hop("in the new platform alone", "exchange", "u@company.ru"),
              ElementsAre("exchange -> G(exchange) -[mailboxes]-> vk: rests"));
}

TEST_F(Followed, S7IsRedirectedAndRefusedFromX) {
  EXPECT_THAT(from_e("not migrated", "u@tech.company.ru"),
              ElementsAre("E -> G(mx) -[unknown_recipient]-> exchange: rests"));
  EXPECT_THAT(from_hop("unknown", "exchange", "u@company.ru"),
              ElementsAre("exchange -> G(exchange): refused (unknown_recipient: 550 5.1.1)"));
}

TEST_F(Followed, S8IsRefused) {
  EXPECT_THAT(from_e("unknown", "a@corp.com"),
              ElementsAre("E -> G(mx): refused (relay_access: 550 5.7.1)"));
}

TEST_F(Followed, CutOverGoesStraightToV) {  // R5
  EXPECT_THAT(from_e("cut over", "u@company.ru"), ElementsAre("E -> G(mx) -[cutover]-> vk: rests"));
  EXPECT_THAT(from_hop("cut over", "vk", "u@company.ru"),
              ElementsAre("vk -> G(mx) -[cutover]-> vk: rests"));
}

TEST_F(Followed, WaitsWhereSomebodyCannotBeAsked) {  // R9, R5
  EXPECT_THAT(from_e("migrated, directory down", "u@tech.company.ru"),
              ElementsAre("E -> G(mx): waits (unknown_recipient: 451 4.4.3)"));
  EXPECT_THAT(from_e("cut over, cut-over list down", "u@company.ru"),
              ElementsAre("E -> G(mx): waits (cutover: 451 4.4.3)"));
}

TEST_F(Followed, TwoCopiesInOneMailboxAreAFault) {
  const Person migrated = person("migrated");
  Beginning beginning;
  beginning.start.name = "E";
  const Wiring usual;
  const Case letter{&world_->routing().domains.front(),
                    &migrated,
                    &beginning,
                    &usual,
                    smtp::Mailbox("u", "company.ru")};
  Leaf in_x;
  in_x.end = End::rests;
  in_x.where = hop("exchange");
  Leaf in_v = in_x;
  in_v.where = hop("vk");
  Faults sound;
  judge(*world_, letter, {in_x, in_v}, sound);
  EXPECT_TRUE(sound.findings(*config_).empty());
  Faults doubled;
  judge(*world_, letter, {in_x, in_v, in_v}, doubled);
  ASSERT_EQ(doubled.findings(*config_).size(), 1U);
  EXPECT_EQ(doubled.findings(*config_).front().code, "two-copies");
  EXPECT_THAT(doubled.findings(*config_).front().message, HasSubstr("leaves 2 copies in \"vk\""));
}

}  // namespace
}  // namespace postern::gateway::proof
