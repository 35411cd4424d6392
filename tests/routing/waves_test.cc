// SPDX-License-Identifier: Apache-2.0
#include "routing/waves.h"

#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

WatchedTable::Options at_once() {
  WatchedTable::Options out;
  out.settle = std::chrono::milliseconds(0);
  return out;
}

std::vector<std::string> members_of(const Waves::Wave& wave) {
  std::vector<std::string> out;
  wave.file->each([&out](const smtp::Mailbox& member, std::size_t line) {
    out.push_back(std::to_string(line) + " " + member.text());
  });
  return out;
}

class WavesTest : public ::testing::Test {
 protected:
  WavesTest() {
    Domain second;
    second.name = "plant.ru";
    second.mailboxes = "vk";
    config_.domains.push_back(second);
  }
  void wave(const std::string& name, WaveState state, const std::string& domain = {}) {
    config_.waves.push_back(WaveConfig{name, "file:" + file_.path(), state, domain});
  }

  TemporaryFile file_{"\xef\xbb\xbf# c\r\nAnna@tech.company.ru\r\nboris\r\nzoya@elsewhere.org\r\n"};
  Config config_ = example_config();
};

TEST_F(WavesTest, StatesHaveNamesAndBack) {
  for (const WaveState state :
       {WaveState::planned, WaveState::dual, WaveState::cutover, WaveState::rolled_back}) {
    EXPECT_EQ(parse_wave_state(name_of(state)), state);
  }
  EXPECT_EQ(parse_wave_state("cut_over"), std::nullopt);
}

TEST_F(WavesTest, AskThoseThatAreCutOverFirstThenDualOnes) {
  wave("a", WaveState::planned);
  wave("b", WaveState::dual);
  wave("c", WaveState::cutover);
  wave("d", WaveState::cutover);
  const Waves waves(config_);
  std::string order;
  for (const Waves::Wave& one : waves.all())
    order += one.config.name;
  EXPECT_EQ(order, "cdba");
  EXPECT_EQ(waves.find("b")->config.state, WaveState::dual);
  EXPECT_EQ(waves.find("x"), nullptr);
}

TEST_F(WavesTest, ListMembersByMainDomainALocalPartForEachDomainR8a) {
  wave("all", WaveState::dual);
  const Waves waves(config_);
  EXPECT_EQ(
      members_of(*waves.find("all")),
      (std::vector<std::string>{"2 anna@company.ru", "3 boris@company.ru", "3 boris@plant.ru"}));
  EXPECT_EQ(waves.find("all")->file->first_without_domain(), 3U);
}

TEST_F(WavesTest, OfOneDomainKnowNobodyElsewhere) {
  wave("plant", WaveState::cutover, "plant.ru");
  const Waves waves(config_);
  EXPECT_EQ(members_of(*waves.find("plant")), (std::vector<std::string>{"3 boris@plant.ru"}));
  const Directory& members = *waves.find("plant")->members;
  EXPECT_EQ(members.look_up_now(mailbox("boris@company.ru")).presence, Presence::unknown);
  EXPECT_EQ(members.look_up_now(mailbox("Boris+x@plant.ru")).presence, Presence::known);
  // The same by keys, which have the domain's place in the config.
  const auto by_key = [&members](const char* address, std::uint16_t domain) {
    const smtp::Mailbox asked = mailbox(address);
    return members.try_keyed(asked, RecipientKey(asked.local(), domain, false, "+"))->presence;
  };
  EXPECT_EQ(by_key("boris@company.ru", 0), Presence::unknown);
  EXPECT_EQ(by_key("Boris+x@plant.ru", 1), Presence::known);
  EXPECT_EQ(by_key("anna@plant.ru", 1), Presence::unknown);
}

TEST_F(WavesTest, TakeAFileThatHasChanged) {
  wave("pilot", WaveState::cutover);
  Waves waves(config_, at_once());
  EXPECT_FALSE(waves.refresh());
  file_.replace_by("zoya\n");
  EXPECT_TRUE(waves.refresh());
  EXPECT_EQ(waves.find("pilot")->file->line_of(mailbox("zoya@company.ru")), 1U);
  file_.remove();
  EXPECT_FALSE(waves.refresh());
  EXPECT_EQ(waves.find("pilot")->file->line_of(mailbox("zoya@company.ru")), 1U);
}

}  // namespace
}  // namespace postern::routing::testing
