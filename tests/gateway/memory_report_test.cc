// SPDX-License-Identifier: Apache-2.0
#include "gateway/memory_report.h"

#include "base/metrics.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

MemoryReport report() {
  MemoryReport out;
  out.process = {.resident = 9000, .allocated = 8000, .unused = 300};
  out.spool.store = {
      .memtables = 4000, .memtables_limit = 5000, .cache = 200, .cache_limit = 250, .tables = 30};
  out.spool.bodies = 1000;
  out.spool.letters = 2;
  out.spool.letters_octets = 700;
  return out;
}

TEST(MemoryReport, WhatIsInNoPartIsOther) {
  EXPECT_EQ(other_octets(report()), 8000U - 4000 - 200 - 30 - 1000 - 700);
}

TEST(MemoryReport, PartsThatHaveGrownMeanwhileAreNotTakenForAHugeRest) {
  MemoryReport grown = report();
  grown.spool.bodies = 1'000'000;
  EXPECT_EQ(other_octets(grown), 0U);
}

TEST(MemoryReport, HasLimitsBesideWhatHasThem) {
  const nlohmann::ordered_json told = json_of(report());
  EXPECT_EQ(told["memtables_limit"], 5000);
  EXPECT_EQ(told["block_cache_limit"], 250);
  EXPECT_EQ(told["letters_count"], 2);
  EXPECT_EQ(told["tables"], 30);
  EXPECT_EQ(told["other"], 2070);
}

TEST(MemoryReport, IsShownToMonitoringPartByPart) {
  show_in_metrics(report());
  const std::string page = metrics::text();
  EXPECT_THAT(page, HasSubstr("postern_memory_resident_octets 9000\n"));
  EXPECT_THAT(page, HasSubstr("postern_memory_octets{part=\"memtables\"} 4000\n"));
  EXPECT_THAT(page, HasSubstr("postern_memory_octets{part=\"other\"} 2070\n"));
}

}  // namespace
}  // namespace postern::gateway
