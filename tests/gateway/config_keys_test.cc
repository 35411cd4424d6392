// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace postern::gateway {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

/// The keys of docs/config.md: every heading of a table, and the first cell of every row below it.
std::set<std::string> documented_keys() {
  std::set<std::string> out;
  std::string section;
  std::istringstream lines(content_of(std::string(POSTERN_SOURCE_DIR) + "/docs/config.md"));
  for (std::string line; std::getline(lines, line);) {
    if (line == "## What check says") break;
    if (line.starts_with("## ")) {
      const std::size_t open = line.find_first_of('[');
      const std::size_t from = line.find_first_not_of('[', open);
      section = open == std::string::npos ? "" : line.substr(from, line.find(']') - from);
      if (!section.empty()) out.insert(section);
    }
    if (!line.starts_with("| `")) continue;
    const std::string key = line.substr(3, line.find('`', 3) - 3);
    out.insert(section.empty() ? key : section + "." + key);
  }
  return out;
}

TEST(ConfigKeys, AreAllInTheDocumentationAndNoOthers) {
  const std::vector<std::string> keys = config_keys();
  EXPECT_GT(keys.size(), 80U);
  EXPECT_EQ(documented_keys(), std::set<std::string>(keys.begin(), keys.end()));
}

/// The TOML blocks of a page.
std::vector<std::string> toml_blocks(const std::string& page) {
  std::vector<std::string> out;
  std::istringstream lines(content_of(std::string(POSTERN_SOURCE_DIR) + "/docs/" + page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```") inside = false;
    if (inside) out.back() += line + "\n";
    if (line != "```toml") continue;
    inside = true;
    out.emplace_back();
  }
  return out;
}

TEST(ConfigKeys, EveryCodeBlockOfTheDocumentationIsAccepted) {
  for (const auto& [page, least] : {std::pair("config.md", 1U),
                                    std::pair("directories.md", 3U),
                                    std::pair("policy.md", 1U),
                                    std::pair("stages.md", 1U),
                                    std::pair("metrics.md", 1U),
                                    std::pair("clients.md", 2U),
                                    std::pair("auth.md", 1U),
                                    std::pair("tls.md", 1U),
                                    std::pair("tls-listeners.md", 2U)}) {
    const std::vector<std::string> blocks = toml_blocks(page);
    EXPECT_GE(blocks.size(), least) << page;
    for (const std::string& block : blocks) {
      const LoadResult result = parse(block);
      EXPECT_TRUE(result.config) << block << shown(result.findings);
    }
  }
}

}  // namespace
}  // namespace postern::gateway
