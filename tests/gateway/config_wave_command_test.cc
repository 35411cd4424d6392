// SPDX-License-Identifier: Apache-2.0
// `postern wave` on the command line, as far as it needs no gateway that runs.
#include "tests/gateway/config_support.h"
#include "tools/commands.h"
#include "tools/wave_log.h"
#include "tools/wave_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace postern::tools {
namespace {

using routing::WaveState;
using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class WaveCommand : public ::testing::Test {
 protected:
  WaveCommand() {
    std::filesystem::create_directories(folder_);
    members("anna\nboris@company.ru\n");
    write("dual");
  }
  ~WaveCommand() override { std::filesystem::remove_all(folder_); }

  void members(const std::string& lines) const { std::ofstream(folder_ / "pilot.txt") << lines; }
  std::string text(const std::string& state) const {
    return "data_dir = \"" + folder_.string() + "\"\n" + std::string(gateway::kSmall) +
           "[[wave]] # the first\nname = 'pilot'\nmembers = 'file:" +
           (folder_ / "pilot.txt").string() + "'\nstate = '" + state + "' # see the ticket\n";
  }
  void write(const std::string& state, const std::string& more = "") const {
    std::ofstream(config_, std::ios::binary) << text(state) << more;
  }
  static std::string content(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  Outcome run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"postern", "wave"});
    words.insert(words.end(), {"--config", config_});
    std::vector<const char*> argv;
    for (const std::string& word : words)
      argv.push_back(word.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_command_line(static_cast<int>(argv.size()), argv.data(), {}, out, err);
    return {status, out.str(), err.str()};
  }
  Json json(const std::vector<std::string>& words) const {
    std::vector<std::string> all = words;
    all.emplace_back("--json");
    const Outcome r = run(all);
    EXPECT_EQ(r.status, 0) << r.err;
    return Json::parse(r.out);
  }
  /// Nothing was written: neither the config nor the log.
  void expect_untouched(const std::string& before) const {
    EXPECT_EQ(content(config_), before);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "waves.log"));
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-wave-" + std::to_string(::getpid()));
  const std::string config_ = (folder_ / "c.toml").string();
};

TEST_F(WaveCommand, SetChangesTheStateInTheFileAndNothingElse) {
  const Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(content(config_), text("cutover"));
  EXPECT_THAT(r.out, HasSubstr("wave pilot: dual -> cutover, 2 members\n"));
  EXPECT_THAT(r.out, HasSubstr("2 users go: exchange -> vk\n  anna@company.ru\n"));
  EXPECT_THAT(r.out, HasSubstr("postern is not running"));
  EXPECT_THAT(r.out, HasSubstr("takes the change when it starts"));
}

TEST_F(WaveCommand, SetIsToldInTheLogWithWhoAndWhatAndHowMany) {
  EXPECT_EQ(run({"set", "pilot", "cutover"}).status, 0);
  EXPECT_EQ(run({"set", "pilot", "rolled_back"}).status, 0);
  const std::vector<WaveChange> log = read_wave_log((folder_ / "waves.log").string());
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].wave, "pilot");
  EXPECT_EQ(log[0].user, user_now());
  EXPECT_EQ(log[0].from, WaveState::dual);
  EXPECT_EQ(log[0].to, WaveState::cutover);
  EXPECT_EQ(log[0].members, 2U);
  EXPECT_EQ(log[1].from, WaveState::cutover);
  EXPECT_EQ(log[1].to, WaveState::rolled_back);
  EXPECT_EQ(content(config_), text("rolled_back"));
  const Json wave = json({"list"})["waves"][0];
  EXPECT_EQ(wave["since"], log[1].time);
  EXPECT_EQ(wave["by"], log[1].user);
  write("planned");  // by hand: the log does not know since when
  EXPECT_EQ(json({"list"})["waves"][0]["since"], Json());
}

TEST_F(WaveCommand, ADryRunCountsWhoseWayChangesAndChangesNothing) {
  std::string many;
  for (int i = 0; i < 25; ++i)
    many += "user" + std::to_string(i) + "\n";
  members(many);
  const Outcome r = run({"set", "pilot", "cutover", "--dry-run"});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("25 users would go: exchange -> vk\n"));
  EXPECT_THAT(r.out, HasSubstr("  user9@company.ru\n  and 15 more\n"));
  EXPECT_THAT(r.out, Not(HasSubstr("user10@")));
  EXPECT_THAT(r.out, HasSubstr("the queue was not asked"));
  EXPECT_THAT(r.out, HasSubstr("dry run: nothing was changed"));
  expect_untouched(text("dual"));
  const Json out = json({"set", "pilot", "cutover", "--dry-run"});
  EXPECT_EQ(out["ways"][0], Json::parse(R"({"from":"exchange","to":"vk","users":25})"));
  EXPECT_EQ(out["first"].size(), 10U);
  EXPECT_EQ(out["queue"], Json());
  EXPECT_EQ(out["changed"], false);
  EXPECT_EQ(run({"set", "pilot", "planned", "--dry-run"}).out.find("nobody's way changes") !=
                std::string::npos,
            true);
}

TEST_F(WaveCommand, AStepThatIsNoneOfAMigrationNeedsForce) {
  write("planned");
  Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("behind dual"));
  EXPECT_THAT(r.err, HasSubstr("--force"));
  expect_untouched(text("planned"));
  r = run({"set", "pilot", "cutover", "--force"});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.err, HasSubstr("warning: "));
  EXPECT_EQ(content(config_), text("cutover"));
}

TEST(WaveSteps, AreThoseOfAMigration) {
  constexpr auto kP = WaveState::planned;
  constexpr auto kD = WaveState::dual;
  constexpr auto kC = WaveState::cutover;
  constexpr auto kR = WaveState::rolled_back;
  const std::pair<WaveState, WaveState> usual[] = {
      {kP, kD},
      {kD, kC},
      {kC, kR},
      {kR, kD},
      {kR, kP},
      {kD, kP},
      {kD, kR}
  };
  const std::pair<WaveState, WaveState> doubtful[] = {
      {kP, kC},
      {kR, kC},
      {kC, kD},
      {kC, kP},
      {kP, kR}
  };
  for (const auto& [from, to] : usual)
    EXPECT_EQ(doubt_about_step(from, to), std::nullopt) << name_of(from) << name_of(to);
  for (const auto& [from, to] : doubtful)
    EXPECT_NE(doubt_about_step(from, to), std::nullopt) << name_of(from) << name_of(to);
}

TEST_F(WaveCommand, SetToTheSameStateChangesNothing) {
  const Outcome r = run({"set", "pilot", "dual"});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, HasSubstr("is dual already"));
  expect_untouched(text("dual"));
}

TEST_F(WaveCommand, SaysWhatToWriteInsteadOfANameOrState) {
  Outcome r = run({"set", "pilto", "cutover"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("write \"pilot\""));
  r = run({"show", "x"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("one of \"pilot\""));
  r = run({"set", "pilot", "done"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("planned, dual, cutover or rolled_back"));
  r = run({"set", "pilot"});
  EXPECT_EQ(r.status, 2);
  expect_untouched(text("dual"));
}

TEST_F(WaveCommand, DoesNotWriteAConfigThatAGatewayWouldRefuse) {
  const std::string second =
      "[[wave]]\nname = \"two\"\nmembers = \"file:" + folder_.string() + "/pilot.txt\"\n";
  write("dual", second);
  Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("[two-waves]"));
  expect_untouched(text("dual") + second);
  write("dual", "hostnam = 5\n");
  r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("[unknown-key]"));
  std::filesystem::remove(config_);
  for (const std::vector<std::string>& words : {
           std::vector<std::string>{"list"    },
           { "set", "pilot", "cutover"}
  }) {
    EXPECT_EQ(run(words).status, 2);
    EXPECT_THAT(run(words).err, HasSubstr("cannot be read"));
  }
}

TEST_F(WaveCommand, DoesNotCutOverUsersWhomNobodyCanRead) {
  std::filesystem::remove(folder_ / "pilot.txt");
  Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("451 4.4.3"));
  expect_untouched(text("dual"));
  r = run({"list"});
  EXPECT_THAT(r.out, HasSubstr(" ? "));
  EXPECT_THAT(r.err, HasSubstr("cannot be read"));
  EXPECT_EQ(run({"set", "pilot", "rolled_back"}).status, 0);
}

TEST_F(WaveCommand, ChangesNothingThatItCannotLog) {
  const std::string config = gateway::replaced(text("dual"), folder_.string(), "/no/such/folder");
  std::ofstream(config_, std::ios::binary) << config;
  const Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("/no/such/folder/waves.log"));
  expect_untouched(config);
}

TEST_F(WaveCommand, ListsStateAndMembers) {
  write("dual", "[[wave]]\nname = \"the-rest\"\nmembers = \"file:/dev/null\"\n");
  const std::string out = run({"list"}).out;
  EXPECT_THAT(out, StartsWith("WAVE      STATE"));
  EXPECT_THAT(out, HasSubstr("\npilot     dual                2  -"));
  EXPECT_THAT(out, HasSubstr("\nthe-rest  planned             0  -"));
  const Json waves = json({"list"})["waves"];
  ASSERT_EQ(waves.size(), 2U);
  EXPECT_EQ(waves[0]["name"], "pilot");
  EXPECT_EQ(waves[0]["members"], 2);
  EXPECT_EQ(waves[0]["running"], Json());
  EXPECT_EQ(waves[1]["file"], "/dev/null");
  std::ofstream(config_) << gateway::kSmall;
  EXPECT_EQ(run({"list"}).out, "the config has no [[wave]]\n");
}

TEST_F(WaveCommand, ShowsTheWayOfEveryMemberAndItsReason) {
  write("cutover");
  const Outcome r = run({"show", "pilot"});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, StartsWith("wave pilot: cutover\n"));
  EXPECT_THAT(r.out, HasSubstr("2 users: mail from outside goes to vk\n"));
  EXPECT_THAT(r.out,
              HasSubstr("  boris@company.ru  vk  wave pilot: cutover (pilot.txt, line 2) (R5)\n"));
  const Json out = json({"show", "pilot"});
  const Json& boris = out["members_list"][1];
  EXPECT_EQ(boris["address"], "boris@company.ru");
  EXPECT_EQ(boris["line"], 2);
  EXPECT_EQ(boris["way"], "vk");
  EXPECT_EQ(boris["reason"], "wave pilot: cutover (pilot.txt, line 2) (R5)");
}

/// Members as a directory knows them: a combination of files is one, and needs no server.
class WaveOfADirectory : public WaveCommand {
 protected:
  std::string asked(const std::string& state, const std::string& members) const {
    return "data_dir = \"" + folder_.string() + "\"\n" + std::string(gateway::kSmall) +
           "[[wave]]\nname = 'pilot'\nmembers = '" + members + "'\nstate = '" + state + "'\n";
  }
  void use(const std::string& members) const {
    std::ofstream(config_, std::ios::binary) << asked("dual", members);
  }
  std::string any_of_file() const { return "any:file:" + (folder_ / "pilot.txt").string(); }
  std::string no_file() const { return "any:file:" + (folder_ / "none.txt").string(); }
};

TEST_F(WaveOfADirectory, IsNotListedAndListSaysWhenADoubleIsFound) {
  use(any_of_file());
  Outcome r = run({"list"});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, HasSubstr("asked  -"));
  EXPECT_THAT(r.out, HasSubstr("451 4.3.5"));
  r = run({"show", "pilot"});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, HasSubstr("members: " + any_of_file() + "\nthey cannot be listed"));
  EXPECT_EQ(r.err, "");
  const Json wave = json({"list"})["waves"][0];
  EXPECT_EQ(wave["listed"], false);
  EXPECT_EQ(wave["members"], Json());
  use(no_file());
  EXPECT_THAT(run({"show", "pilot"}).err, HasSubstr("its members cannot be asked: "));
}

TEST_F(WaveOfADirectory, IsSetAndItsLogSaysThatNobodyCounted) {
  use(any_of_file());
  const Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(content(config_), asked("cutover", any_of_file()));
  EXPECT_THAT(r.out, HasSubstr("members cannot be listed"));
  EXPECT_THAT(r.out, Not(HasSubstr("nobody's way changes")));
  const std::vector<WaveChange> log = read_wave_log((folder_ / "waves.log").string());
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].members, std::nullopt);
  EXPECT_EQ(log[0].to, WaveState::cutover);
}

TEST_F(WaveOfADirectory, ThatCannotBeAskedIsNotCutOverWithoutForce) {
  use(no_file());
  const Outcome r = run({"set", "pilot", "cutover"});
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("its members cannot be read"));
  expect_untouched(asked("dual", no_file()));
  EXPECT_EQ(run({"set", "pilot", "cutover", "--force"}).status, 0);
}

TEST(WaveLog, ALineIsReadAsItWasWritten) {
  const WaveChange change{
      "2026-11-24T16:05:43Z", "ivan(sudo)", "pilot", WaveState::dual, WaveState::cutover, 12};
  EXPECT_EQ(format_change(change),
            "2026-11-24T16:05:43Z user=ivan(sudo) wave=pilot from=dual to=cutover members=12");
  EXPECT_EQ(parse_change(format_change(change)), change);
  WaveChange odd = change;
  odd.user = "a b\nwave=x";
  EXPECT_EQ(parse_change(format_change(odd))->user, "a_b_wave_x");
}

TEST(WaveLog, WhatIsNoChangeIsPassedOver) {
  for (const char* line : {"",
                           "# a note",
                           "t user=a wave=b from=dual to=cutover",
                           "t user=a wave=b from=dual to=done members=1",
                           "t user=a wave=b from=dual to=cutover members=x",
                           "t user=a wave=b from=dual to=cutover members=1 more"}) {
    EXPECT_EQ(parse_change(line), std::nullopt) << line;
  }
  EXPECT_TRUE(read_wave_log("/no/such/file").empty());
}

}  // namespace
}  // namespace postern::tools
