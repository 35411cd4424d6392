// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>
#include <vector>

namespace postern::metrics {
namespace {

TEST(Metrics, ACounterHasWhatAllThreadsHaveAdded) {
  Counter& counter = metrics::counter("postern_sessions_total", {"threads"});
  const std::uint64_t before = counter.value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 1000; ++i)
        metrics::counter("postern_sessions_total", {"threads"}).add();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counter.value(), before + 20'000);
}

TEST(Metrics, LabelsMakeASeriesOfTheirOwnAndAreEscaped) {
  counter("postern_deliveries_total", {"a\"b\\c\nd", "delivered"}).add(7);
  counter("postern_deliveries_total", {"x", "deferred"}).add(2);
  const std::string page = text();
  EXPECT_NE(
      page.find("postern_deliveries_total{hop=\"a\\\"b\\\\c\\nd\",outcome=\"delivered\"} 7\n"),
      std::string::npos)
      << page;
  EXPECT_NE(page.find("postern_deliveries_total{hop=\"x\",outcome=\"deferred\"} 2\n"),
            std::string::npos);
}

TEST(Metrics, AGaugeIsShownUntilItIsForgotten) {
  gauge("postern_hop_hosts", {"vk", "well"}).set(1.5);
  EXPECT_NE(text().find("postern_hop_hosts{hop=\"vk\",state=\"well\"} 1.5\n"), std::string::npos);
  forget_gauges("postern_hop_hosts");
  EXPECT_EQ(text().find("postern_hop_hosts{"), std::string::npos);
  gauge("postern_hop_hosts", {"vk", "well"}).set(2);
  EXPECT_NE(text().find("postern_hop_hosts{hop=\"vk\",state=\"well\"} 2\n"), std::string::npos);
}

TEST(Metrics, SeriesWithoutEndAreCountedTogether) {
  for (std::size_t i = 0; i < kMostSeries + 50; ++i)
    counter("postern_logins_total", {"PLAIN", std::to_string(i)}).add();
  const std::string page = text();
  std::size_t lines = 0;
  for (std::size_t at = page.find("postern_logins_total{"); at != std::string::npos;
       at = page.find("postern_logins_total{", at + 1))
    ++lines;
  EXPECT_EQ(lines, kMostSeries + 1);
  const std::string other = "postern_logins_total{mechanism=\"other\",outcome=\"other\"} 50\n";
  EXPECT_NE(page.find(other), std::string::npos);
}

/// First cells of the rows of docs/metrics.md: `name` or `name{label,label}`.
std::set<std::string> documented() {
  std::set<std::string> out;
  std::ifstream file(std::string(POSTERN_SOURCE_DIR) + "/docs/metrics.md");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `postern_")) out.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return out;
}

TEST(Metrics, AreAllInTheDocumentationAndNoOthers) {
  std::set<std::string> names;
  const std::string page = text();
  for (const Family& family : families()) {
    std::string name(family.name);
    if (!family.labels.empty()) {
      std::string labels(family.labels);
      for (char& c : labels)
        c = c == ' ' ? ',' : c;
      name += "{" + labels + "}";
    }
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_NE(page.find("# TYPE " + std::string(family.name) + " "), std::string::npos) << name;
    EXPECT_EQ(family.kind == Kind::counter, family.name.ends_with("_total")) << name;
  }
  EXPECT_EQ(documented(), names);
}

}  // namespace
}  // namespace postern::metrics
