// SPDX-License-Identifier: Apache-2.0
// Counts of several days, in memory and in files.
#include "tls_report/ledger.h"

#include "support/folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace postern::tls_report {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using test::Folder;

const sys_days kDay = std::chrono::year(2026) / 11 / 29;

Sighting seen(const std::string& domain) {
  Sighting out;
  out.domain = domain;
  out.policy_type = "sts";
  return out;
}

TEST(TlsReportLedger, DaysHaveNames) {
  EXPECT_EQ(day_name(kDay), "2026-11-29");
  EXPECT_EQ(parse_day("2026-11-29"), kDay);
  for (const char* const text :
       {"", "2026-11-31", "2026-1-1", "2026-11-2x", "20261129", "+026-11-29", "2026-11-29x"})
    EXPECT_EQ(parse_day(text), std::nullopt) << text;
}

TEST(TlsReportLedger, ARestartForgetsNothing) {
  const Folder folder;
  {
    Ledger ledger(folder.path() + "/reports");
    ledger.count(kDay, seen("example.com"));
    ledger.count(kDay + days(1), seen("example.org"));
    EXPECT_TRUE(ledger.save());
  }
  Ledger ledger(folder.path() + "/reports");
  EXPECT_EQ(ledger.days(), (std::vector<sys_days>{kDay, kDay + days(1)}));
  ledger.count(kDay, seen("example.com"));
  EXPECT_EQ(ledger.day(kDay).domains().at("example.com").at(0).successes, 2U);
  EXPECT_EQ(ledger.domains(kDay + days(1)), std::vector<std::string>{"example.org"});
}

TEST(TlsReportLedger, WhatWasTakenIsGoneFromTheFilesToo) {
  const Folder folder;
  Ledger ledger(folder.path());
  ledger.count(kDay, seen("example.com"));
  ASSERT_TRUE(ledger.save());
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/2026-11-29.json"));
  EXPECT_EQ(ledger.take(kDay, "example.com").size(), 1U);
  EXPECT_TRUE(ledger.take(kDay, "example.com").empty());
  EXPECT_TRUE(ledger.days().empty());
  ledger.done(kDay, "example.com");
  ASSERT_TRUE(ledger.save());
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/2026-11-29.json"));
}

TEST(TlsReportLedger, WhatIsPutBackStandsBesideWhatCameMeanwhile) {
  Ledger ledger("");
  ledger.count(kDay, seen("example.com"));
  Day::Policies taken = ledger.take(kDay, "example.com");
  ledger.count(kDay, seen("example.com"));
  ledger.put_back(kDay, "example.com", std::move(taken));
  std::uint64_t all = 0;
  const Day day = ledger.day(kDay);
  for (const PolicyTally& policy : day.domains().at("example.com"))
    all += policy.successes;
  EXPECT_EQ(all, 2U);
}

TEST(TlsReportLedger, AnEndWhileSomethingIsOutForgetsNothing) {
  const Folder folder;
  {
    Ledger ledger(folder.path());
    ledger.count(kDay, seen("example.com"));
    EXPECT_EQ(ledger.take(kDay, "example.com").size(), 1U);
    ledger.count(kDay, seen("example.org"));
    EXPECT_EQ(ledger.domains(kDay), std::vector<std::string>{"example.org"});
    EXPECT_TRUE(ledger.save());
  }
  const Ledger ledger(folder.path());
  EXPECT_EQ(ledger.domains(kDay), (std::vector<std::string>{"example.com", "example.org"}));
}

TEST(TlsReportLedger, OldDaysAreForgotten) {
  Ledger ledger("");
  for (int i = 0; i < 5; ++i)
    ledger.count(kDay + days(i), seen("example.com"));
  EXPECT_EQ(ledger.days().size(), Ledger::kMostDays);
  ledger.forget_before(kDay + days(4));
  EXPECT_EQ(ledger.days(), std::vector<sys_days>{kDay + days(4)});
}

TEST(TlsReportLedger, AFileThatIsNoneIsRemoved) {
  const Folder folder;
  std::ofstream(folder.path() + "/2026-11-29.json") << "{\"example.com\":";
  std::ofstream(folder.path() + "/notes.txt") << "mine";
  Ledger ledger(folder.path());
  EXPECT_TRUE(ledger.days().empty());
  EXPECT_TRUE(ledger.save());
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/2026-11-29.json"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/notes.txt"));
}

}  // namespace
}  // namespace postern::tls_report
