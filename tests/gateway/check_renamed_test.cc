// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "tests/gateway/config_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace postern::gateway {
namespace {

using testing::HasSubstr;

class ListFolder {
 public:
  ListFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    write("cutover.txt", "# left\nivan@company.ru\n");
    write("dual.txt", "olga\n");
    write("wave.txt", "nina@tech.company.ru\n");
  }
  ~ListFolder() { std::filesystem::remove_all(path_); }
  ListFolder(const ListFolder&) = delete;
  ListFolder& operator=(const ListFolder&) = delete;

  void write(const char* name, const std::string& content) const {
    std::ofstream(path_ / name) << content;
  }

  /// What check says of users whose mail a rule takes, `rewrite` being the config's rules.
  std::optional<Finding> told(const std::string& rewrite) const {
    const std::string folder = path_.string();
    const std::string text =
        replaced(kSmall,
                 "mailboxes = \"vk\"\n",
                 fmt::format("mailboxes = \"vk\"\ncutover = \"{0}/cutover.txt\"\n"
                             "dual_delivery = \"file:{0}/dual.txt\"\n",
                             folder)) +
        fmt::format("[[wave]]\nname = \"pilot\"\nmembers = \"file:{}/wave.txt\"\n", folder) +
        rewrite;
    const LoadResult loaded = parse(text);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    if (!loaded.config) return std::nullopt;
    for (const Finding& finding : check(*loaded.config)) {
      if (finding.code == "renamed-user") return finding;
    }
    return std::nullopt;
  }
  std::optional<Finding> told_of_map(const std::string& lines) const {
    write("names.txt", lines);
    return told(fmt::format("[[rewrite]]\nmap = \"file:{}/names.txt\"\n", path_.string()));
  }

 private:
  std::filesystem::path path_;
};

TEST(RenamedUsers, WhoIsOnAListAndLosesHisMailToALineOfAMapIsNamedWithBothLines) {
  const ListFolder folder;
  const auto found = folder.told_of_map("a@company.ru b@company.ru\nIvan@company.ru c@other.ru\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->severity, Severity::warning);
  EXPECT_EQ(found->key, "rewrite.map");
  EXPECT_GT(found->line, 0U);
  EXPECT_THAT(found->message,
              HasSubstr("cutover.txt, line 2 has Ivan@company.ru, who gets no mail, since "
                        "names.txt, line 2, gives it to c@other.ru"));
}

TEST(RenamedUsers, EachKindOfListIsLookedAt) {
  const ListFolder folder;
  const auto dual = folder.told_of_map("olga@company.ru c@other.ru\n");
  ASSERT_TRUE(dual);
  EXPECT_THAT(dual->message, HasSubstr("dual.txt, line 1"));
  const auto wave = folder.told_of_map("nina@company.ru c@other.ru\nolga@company.ru d@other.ru\n");
  ASSERT_TRUE(wave);
  EXPECT_THAT(wave->message, HasSubstr("wave.txt, line 1"));
  EXPECT_THAT(wave->message, HasSubstr("(and 1 more)"));
}

TEST(RenamedUsers, ARuleOfTheConfigIsNamedItself) {
  const ListFolder folder;
  const auto found = folder.told("[[rewrite]]\nfrom = \"ivan@company.ru\"\nto = \"c@other.ru\"\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key, "rewrite.from");
}

TEST(RenamedUsers, AnotherNameOfTheSameMailboxAndWhoIsOnNoListAreSound) {
  const ListFolder folder;
  EXPECT_FALSE(folder.told_of_map("ivan@company.ru ivan@tech.company.ru\n"));
  EXPECT_FALSE(folder.told_of_map("was@company.ru ivan@company.ru\nivan@other.ru a@b.ru\n"));
  EXPECT_FALSE(folder.told("[[rewrite]]\nfrom = \"@company.ru\"\nto = \"@other.ru\"\n"))
      << "the proof tells that";
}

}  // namespace
}  // namespace postern::gateway
