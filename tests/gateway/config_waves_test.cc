// SPDX-License-Identifier: Apache-2.0
// [[wave]] in the config file: what is read, what is refused, and what check says about members.
#include "gateway/check.h"
#include "tests/gateway/config_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

class ConfigWaves : public testing::Test {
 protected:
  ConfigWaves() { std::filesystem::create_directories(folder_); }
  ~ConfigWaves() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  /// A wave of these members, in a file of its own.
  std::string wave(const std::string& name,
                   const std::string& members,
                   const std::string& more = "") const {
    return "[[wave]]\nname = \"" + name + "\"\nmembers = \"file:" + file(name + ".txt", members) +
           "\"\n" + more;
  }
  /// The findings of check() about kSmall with `more` behind it (its first line is line 22).
  static std::vector<Finding> checked(const std::string& config) {
    const LoadResult loaded = parse(config);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    return loaded.config ? check(*loaded.config) : std::vector<Finding>();
  }
  static std::vector<Finding> checked_behind(const std::string& more) {
    return checked(std::string(kSmall) + more);
  }
  /// The one error of a config that is refused.
  static Finding refused(const std::string& more) {
    const LoadResult loaded = parse(std::string(kSmall) + more);
    EXPECT_FALSE(loaded.config);
    EXPECT_EQ(loaded.findings.size(), 1U) << shown(loaded.findings);
    return loaded.findings.empty() ? Finding() : loaded.findings.front();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-waves-" + std::to_string(::getpid()));
};

TEST_F(ConfigWaves, AreReadWithTheirStateDomainAndMembers) {
  const LoadResult loaded =
      parse(std::string(kSmall) +
            "[[wave]]\nname = \"pilot\"\nmembers = \"file:/p\"\nstate = \"cutover\"\ndomain = "
            "\"Company.RU\"\n[[wave]]\nname = \"волна-2\"\nmembers = \"file:/q\"\n");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const std::vector<routing::WaveConfig> wanted = {
      {"pilot",        "file:/p", routing::WaveState::cutover, "company.ru"},
      {"волна-2", "file:/q", routing::WaveState::planned, ""          }
  };
  EXPECT_EQ(loaded.config->routing.waves, wanted);
}

TEST_F(ConfigWaves, ThatAreWrongAreRefusedWithTheirLineAndAdvice) {
  const std::string pilot = "[[wave]]\nname = \"pilot\"\nmembers = \"file:/p\"\n";
  struct Wrong {
    std::string text;
    unsigned line;
    std::string key;
    std::string code;
    std::string says;
  };
  const Wrong all[] = {
      {"[[wave]]\nname = \"pilot\"\n",                      22, "wave",         "missing-key",    "members = "           },
      {"[[wave]]\nmembers = \"file:/p\"\n",                 22, "wave",         "missing-key",    "name = "              },
      {pilot + "state = \"cut-over\"\n",                    25, "wave.state",   "bad-value",      "\"rolled_back\""      },
      {pilot + "stat = \"dual\"\n",                         25, "wave.stat",    "unknown-key",    "write \"state\""      },
      {"[[wave]]\nname = \"a b\"\nmembers = \"file:/p\"\n",
       23,                                                      "wave.name",
       "bad-value",                                                                               "\"pilot\""            },
      {"[[wave]]\nname = \"a\"\nmembers = \"/p\"\n",
       24,                                                      "wave.members",
       "bad-value",                                                                               "write \"file:/p\""    },
      {pilot + "domain = \"tech.company.ru\"\n",
       25,                                                      "wave.domain",
       "unknown-domain",                                                                          "write \"company.ru\"" },
      {pilot + "domain = \"corp.com\"\n",
       25,                                                      "wave.domain",
       "unknown-domain",                                                                          "one of \"company.ru\""},
      {pilot + pilot,                                       26, "wave.name",    "duplicate-name", "already (line 23)"    },
      {"[wave]\nname = \"pilot\"\n",                        22, "wave",         "wrong-type",     "[[wave]]"             },
  };
  for (const Wrong& wrong : all) {
    const Finding finding = refused(wrong.text);
    EXPECT_EQ(finding.line, wrong.line) << wrong.text << format_text(finding);
    EXPECT_EQ(finding.key, wrong.key) << wrong.text;
    EXPECT_EQ(finding.code, wrong.code) << wrong.text;
    EXPECT_THAT(finding.message, HasSubstr(wrong.says));
  }
}

constexpr const char* kLeft =
    "[[directory]]\nname = \"left\"\nkind = \"ldap\"\nservers = [\"ldaps://dc1\"]\nbase = "
    "\"dc=x\"\n";

TEST_F(ConfigWaves, MayHaveMembersThatADirectoryKnows) {
  const auto wave_of = [](const std::string& members) {
    return "[[wave]]\nname = \"pilot\"\nmembers = \"" + members + "\"\n";
  };
  EXPECT_TRUE(checked_behind(wave_of("ldap:left") + kLeft).empty())
      << "neither unused, nor anything else";
  EXPECT_TRUE(checked_behind(wave_of("smtp:vk")).empty());
  const Finding unknown = refused(wave_of("ldap:lift") + kLeft);
  EXPECT_EQ(unknown.code, "unknown-directory");
  EXPECT_EQ(unknown.key, "wave.members");
  EXPECT_EQ(unknown.line, 24U);
  EXPECT_THAT(unknown.message, HasSubstr("write \"ldap:left\""));
  EXPECT_EQ(refused(wave_of("mysql:x")).code, "bad-value");
  const std::vector<Finding> missing =
      checked_behind(wave_of("any:file:/no/such ldap:left") + kLeft);
  ASSERT_EQ(missing.size(), 1U) << shown(missing);
  EXPECT_EQ(missing[0].code, "missing-file");
  EXPECT_EQ(missing[0].key, "wave.members");
}

TEST_F(ConfigWaves, WhoseMembersNobodyCanListAreNotCompared) {
  const std::string asked = "[[wave]]\nname = \"asked\"\nmembers = \"ldap:left\"\n";
  const std::vector<Finding> findings = checked_behind(wave("a", "anna\n") + asked + kLeft);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].severity, Severity::info);
  EXPECT_EQ(findings[0].code, "wave-not-listed");
  EXPECT_EQ(findings[0].line, 27U);
  EXPECT_THAT(findings[0].message, HasSubstr("\"a\" too"));
}

TEST_F(ConfigWaves, AUserInTwoWavesIsAnErrorWithBothFilesAndLines) {
  const std::string text = wave("pilot", "anna\nboris@company.ru\n", "state = \"dual\"\n") +
                           wave("second", "zoya\nBoris+x@tech.company.ru\nANNA\n");
  const std::vector<Finding> findings = checked_behind(text);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_EQ(findings[0].code, "two-waves");
  EXPECT_EQ(findings[0].line, 28U);
  EXPECT_EQ(findings[0].key, "wave.members");
  for (const std::string& part : {std::string("boris+x@company.ru is in the wave \"pilot\""),
                                  (folder_ / "pilot.txt").string() + ", line 2; config line 24",
                                  (folder_ / "second.txt").string() + ", line 2; config line 28",
                                  std::string("and so are 1 more")}) {
    EXPECT_THAT(findings[0].message, HasSubstr(part));
  }
}

TEST_F(ConfigWaves, TheSameLocalPartInTwoDomainsIsTwoUsers) {
  const std::string config = replaced(
      kSmall, "[[route]]", "[[domain]]\nname = \"plant.ru\"\nmailboxes = \"vk\"\n[[route]]");
  EXPECT_TRUE(checked(config + wave("a", "anna\n", "domain = \"company.ru\"\n") +
                      wave("b", "anna\n", "domain = \"plant.ru\"\n"))
                  .empty());
  const std::vector<Finding> findings = checked(config + wave("a", "boris@plant.ru\nanna\n"));
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].code, "wave-domain");
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_THAT(findings[0].message, HasSubstr("a.txt, line 2"));
  EXPECT_THAT(findings[0].message, HasSubstr("domain = \"company.ru\""));
}

TEST_F(ConfigWaves, AUserInAWaveAndInTheCutoverListIsAWarningR5) {
  const std::string list = file("cutover.txt", "\nanna\n");
  const std::vector<Finding> findings =
      checked(replaced(kSmall, "mailboxes =", "cutover = \"" + list + "\"\nmailboxes =") +
              wave("pilot", "boris\nanna\n", "state = \"rolled_back\"\n"));
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_EQ(findings[0].code, "wave-and-cutover");
  EXPECT_THAT(findings[0].message, HasSubstr("pilot.txt, line 2"));
  EXPECT_THAT(findings[0].message, HasSubstr("cutover.txt too (line 2)"));
}

TEST_F(ConfigWaves, MembersThatAreMissingOrNobodyOfOursAreWarnings) {
  const std::string absent = "[[wave]]\nname = \"a\"\nmembers = \"file:/no/such\"\n";
  std::vector<Finding> findings = checked_behind(absent);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].code, "missing-file");
  EXPECT_THAT(findings[0].message, HasSubstr("has no users"));
  findings = checked_behind(absent + "state = \"cutover\"\n");
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_THAT(findings[0].message, HasSubstr("451 4.4.3"));
  findings = checked_behind(wave("a", "anna\nboris@corp.com\nzoya, vlad\n"));
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].code, "bad-member");
  EXPECT_THAT(findings[0].message, HasSubstr("2 lines are no users"));
  EXPECT_THAT(findings[0].message, HasSubstr("line 2"));
}

TEST_F(ConfigWaves, WithoutTheStageHaveNoEffect) {
  const std::vector<Finding> findings = checked_behind(
      wave("a", "anna\n") +
      "[routing]\nstages = [\"loop_guard\", \"relay_access\", \"tech_alias\", \"custom_route\", "
      "\"mailboxes\"]\n");
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].code, "stage-left-out");
  EXPECT_THAT(findings[0].message, HasSubstr("waves have no effect"));
}

TEST_F(ConfigWaves, OfDisjointUsersAreSound) {
  EXPECT_TRUE(checked_behind(wave("a", "anna\n") + wave("b", "boris\n")).empty());
}

}  // namespace
}  // namespace postern::gateway
