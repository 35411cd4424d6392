// SPDX-License-Identifier: Apache-2.0
// What the lines of [[rewrite]] map make of mail.
#include "tests/gateway/proof_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace postern::gateway::proof {
namespace {

using testing::HasSubstr;

/// kCoexistence with the stage and a map of these lines.
class Mapped {
 public:
  explicit Mapped(const std::string& lines, const std::string& more = "") {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    std::ofstream(folder_ / "names.txt") << lines;
    text_ = changed({
        {"\"relay_access\", ", "\"relay_access\", \"rewrite\", "}
    });
    text_ += more + fmt::format("[[rewrite]]\nmap = \"file:{}/names.txt\"\n", folder_.string());
    const LoadResult loaded = parse(text_);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    if (!loaded.config) return;
    lists_ = std::make_unique<ListFiles>(loaded.config->routing);
    proof = prove(*loaded.config, lists_.get());
    unread = prove(*loaded.config);
  }
  ~Mapped() { std::filesystem::remove_all(folder_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  /// The finding of this code at the setting that names the map.
  std::optional<Finding> find(std::string_view code) const {
    for (const Finding& finding : proof.findings) {
      if (finding.code == code && finding.key == "rewrite.map") return finding;
    }
    return std::nullopt;
  }
  /// The line of the config that names the map.
  unsigned line_of_map() const {
    const std::string_view before = std::string_view(text_).substr(0, text_.find("map = "));
    return 1 + static_cast<unsigned>(std::count(before.begin(), before.end(), '\n'));
  }

  Proof proof;
  Proof unread;  ///< without the file

 private:
  std::filesystem::path folder_;
  std::string text_;
  std::unique_ptr<ListFiles> lists_;
};

TEST(ProofOfMaps, ALineThatSendsADomainToTheOutsideIsAnErrorWithItsFileAndLine) {
  const Mapped map("# moved\n\n@company.ru @other.example\n");
  const auto found = map.find("no-rest");
  ASSERT_TRUE(found) << shown(map.proof.findings);
  EXPECT_EQ(found->severity, Severity::error);
  EXPECT_EQ(found->line, map.line_of_map());
  EXPECT_THAT(found->message, HasSubstr("mail for user@company.ru"));
  EXPECT_THAT(found->message, HasSubstr("names.txt, line 3 makes user@other.example of it"));
  EXPECT_THAT(found->message, HasSubstr("-> the world: rests"));
  EXPECT_TRUE(map.unread.findings.empty()) << shown(map.unread.findings);
}

TEST(ProofOfMaps, ADomainThatMovesToAnotherOfOursIsFollowedThere) {
  const std::string second = "[[domain]]\nname = \"second.ru\"\nmailboxes = \"vk\"\n";
  const Mapped map("@second.ru @company.ru\n", second);
  // The same as by a rule of the config.
  const std::string by_rule = changed({
                                  {"\"relay_access\", ", "\"relay_access\", \"rewrite\", "}
  }) +
                              second + "[[rewrite]]\nfrom = \"@second.ru\"\nto = \"@company.ru\"\n";
  const LoadResult loaded = parse(by_rule);
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const Proof rule = prove(*loaded.config);
  EXPECT_EQ(map.proof.shapes, rule.shapes);
  EXPECT_EQ(map.proof.letters, rule.letters);
  ASSERT_EQ(map.proof.findings.size(), rule.findings.size()) << shown(map.proof.findings);
  for (std::size_t i = 0; i < rule.findings.size(); ++i)
    EXPECT_EQ(map.proof.findings[i].code, rule.findings[i].code);
}

TEST(ProofOfMaps, AnAddressOfEachClassIsFollowed) {
  const std::size_t none = Mapped("# nothing\n").proof.letters;
  const std::size_t one = Mapped("was@company.ru user@tech.company.ru\n").proof.letters;
  EXPECT_GT(one, none);
  std::string same;
  for (int i = 0; i < 2000; ++i)
    same += fmt::format("was{}@company.ru user{}@tech.company.ru\n", i, i);
  EXPECT_EQ(Mapped(same).proof.letters, one) << "they are of one class";
  const std::string two =
      "was@company.ru user@tech.company.ru\nwas@company.ru a@b.example\n"
      "is@company.ru a@b.example\n";
  const std::size_t with_outside = Mapped(two).proof.letters;
  EXPECT_GT(with_outside, one);
}

TEST(ProofOfMaps, ABoundedNumberIsFollowedHoweverManyClassesThereAre) {
  std::string lines;
  for (int i = 0; i < 3000; ++i)
    lines += fmt::format("was{}@company.ru user@d{}.example\n", i, i);
  const Mapped map(lines);
  const std::size_t few = Mapped("was@company.ru user@d.example\n").proof.letters;
  const std::size_t none = map.unread.letters;
  EXPECT_LT(map.proof.letters, none + 40 * (few - none));
  EXPECT_GT(map.proof.letters, none + 10 * (few - none));
}

/// X has nobody by the old name, and G may not give the mail back to it (R7).
TEST(ProofOfMaps, AnAddressWhoseMailRestsNowhereIsAWarning) {
  const Mapped map("first@company.ru user@outside.example\nwas@company.ru user@tech.company.ru\n");
  const auto found = map.find("no-rest");
  ASSERT_TRUE(found) << shown(map.proof.findings);
  EXPECT_EQ(found->severity, Severity::warning);
  EXPECT_EQ(found->line, map.line_of_map());
  EXPECT_THAT(found->message,
              HasSubstr("mail for was@company.ru, which names.txt, line 2 makes "
                        "user@tech.company.ru (not migrated)"));
  EXPECT_EQ(exit_status(map.proof.findings), 1) << shown(map.proof.findings);
}

TEST(ProofOfMaps, AForwardToTheOutsideIsSound) {
  const Mapped map("was@company.ru user@outside.example\n");
  EXPECT_TRUE(map.proof.findings.empty()) << shown(map.proof.findings);
}

TEST(ProofOfMaps, AFileThatCannotBeReadIsLeftOut) {
  const LoadResult loaded = parse(changed({
                                      {"\"relay_access\", ", "\"relay_access\", \"rewrite\", "}
  }) +
                                  "[[rewrite]]\nmap = \"file:/nowhere/names.txt\"\n");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const ListFiles lists(loaded.config->routing);
  const Proof proof = prove(*loaded.config, &lists);
  EXPECT_TRUE(proof.findings.empty()) << shown(proof.findings);
}

}  // namespace
}  // namespace postern::gateway::proof
