// SPDX-License-Identifier: Apache-2.0
// The ways of docs/ways.md: what is wrong with them in a config, and where.
#include "gateway/check.h"
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace postern::gateway {
namespace {

/// Something appended to kSmall, whose first line is then line 22, and its one finding.
struct Case {
  std::string_view name;
  std::string text;
  Severity severity;
  unsigned line;
  std::string_view key;
  std::string_view code;
};
std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

constexpr auto kError = Severity::error;
constexpr auto kWarning = Severity::warning;
constexpr auto kInfo = Severity::info;

class WaysConfig : public testing::TestWithParam<Case> {};

TEST_P(WaysConfig, HasOneFindingWithItsLineAndKey) {
  const Case& one = GetParam();
  LoadResult loaded = parse(std::string(kSmall) + one.text);
  if (loaded.config) {
    std::vector<Finding> more = check(*loaded.config);
    loaded.findings.insert(loaded.findings.end(), more.begin(), more.end());
  }
  ASSERT_EQ(loaded.findings.size(), 1U) << shown(loaded.findings);
  EXPECT_EQ(loaded.findings[0].severity, one.severity);
  EXPECT_EQ(loaded.findings[0].line, one.line) << shown(loaded.findings);
  EXPECT_EQ(loaded.findings[0].key, one.key);
  EXPECT_EQ(loaded.findings[0].code, one.code);
}

const std::string kJournal = "[[journal]]\nvia = \"vk\"\nto = \"a@x.ru\"\n";
const std::string kSenders = "[[sender_route]]\nvia = \"vk\"\n";
const std::string kReject = "[[list]]\naction = \"reject\"\n";
const std::string kOwnRewrite = "[[rewrite]]\nfrom = \"u@company.ru\"\nto = \"w@company.ru\"\n";
const std::string kSomeStages =
    "stages = [\"loop_guard\", \"relay_access\", \"tech_alias\", \"custom_route\", "
    "\"mailboxes\"]\n";

// clang-format off
const Case kCases[] = {
    {"SenderRouteForEverybody", kSenders, kError, 22, "sender_route.senders", "no-condition"},
    {"SenderRouteToNoHop", "[[sender_route]]\nsenders = [\"\"]\nvia = \"vkk\"\n", kError, 24, "sender_route.via", "unknown-next-hop"},
    {"SenderWithoutAt", kSenders + "senders = [\"company.ru\"]\n", kError, 24, "sender_route.senders", "bad-pattern"},
    {"SenderRouteClients", kSenders + "clients = [\"10.0.0.0/33\"]\n", kError, 24, "sender_route.clients", "bad-address"},
    {"RewriteWithoutTo", "[[rewrite]]\nfrom = \"@x.ru\"\n", kError, 22, "rewrite.to", "missing-key"},
    {"RewriteOfAnAddressToADomain", "[[rewrite]]\nfrom = \"u@x.ru\"\nto = \"@y.ru\"\n", kError, 23, "rewrite.from", "bad-rewrite"},
    {"RewriteMapThatIsNoFile", "[[rewrite]]\nmap = \"/m\"\n", kError, 23, "rewrite.map", "bad-value"},
    {"RewriteMapAndFrom", "[[rewrite]]\nmap = \"file:/m\"\nfrom = \"@x.ru\"\n", kError, 23, "rewrite.map", "contradiction"},
    {"RewriteInACircle", kOwnRewrite + "[[rewrite]]\nfrom = \"w@company.ru\"\nto = \"U@company.ru\"\n", kError, 26, "rewrite.from", "rewrite-loop"},
    {"RewriteMapMissing", "[[rewrite]]\nmap = \"file:/no/such\"\n", kWarning, 23, "rewrite.map", "missing-file"},
    {"RewriteOfAForeignDomainR2", "[[rewrite]]\nfrom = \"@old.ru\"\nto = \"@company.ru\"\n", kInfo, 23, "rewrite.from", "rewrite-elsewhere"},
    {"RewriteLeftOut", kOwnRewrite + "[routing]\n" + kSomeStages, kWarning, 26, "routing.stages", "stage-left-out"},
    {"JournalToNobody", "[[journal]]\nvia = \"vk\"\nto = \"archive\"\n", kError, 24, "journal.to", "bad-address"},
    {"JournalWithoutHop", "[[journal]]\nto = \"a@x.ru\"\n", kError, 22, "journal", "missing-key"},
    {"JournalLeftOut", kJournal + "[routing]\n" + kSomeStages, kWarning, 26, "routing.stages", "stage-left-out"},
    {"ListForEverybody", kReject, kError, 23, "list.action", "no-condition"},
    {"ListOfNoAction", "[[list]]\naction = \"drop\"\nsenders = [\"@x.ru\"]\n", kError, 23, "list.action", "bad-value"},
    {"ListReplyOfTwoLines", kReject + "senders = [\"@x.ru\"]\nreply = \"a\\r\\nb\"\n", kError, 25, "list.reply", "bad-value"},
    {"ListReplyOfADiscard", "[[list]]\naction = \"discard\"\nsenders = [\"@x.ru\"]\nreply = \"a\"\n", kError, 25, "list.reply", "contradiction"},
    {"DualDeliveryThatIsNoFile", "[[domain]]\nname = \"d.ru\"\nmailboxes = \"vk\"\ndual_delivery = \"/two\"\n", kError, 25, "domain.dual_delivery", "bad-value"},
    {"DualDeliveryWithoutX", "[[domain]]\nname = \"d.ru\"\nmailboxes = \"vk\"\ndual_delivery = \"*\"\n", kWarning, 25, "domain.dual_delivery", "dual-without-route"},
    {"DualDeliveryFileMissing", "[[domain]]\nname = \"d.ru\"\nmailboxes = \"vk\"\ndual_delivery = \"file:/no/such\"\n[[route]]\ndomains = [\"d.ru\"]\nvia = \"exchange\"\n", kWarning, 25, "domain.dual_delivery", "missing-file"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Table, WaysConfig, testing::ValuesIn(kCases), [](const auto& info) {
  return std::string(info.param.name);
});

TEST(WaysCheck, AMapFileThatLeadsInACircleIsAnErrorWithTheCircle) {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("postern-map-" + std::to_string(::getpid())))
          .string();
  std::ofstream(file) << "w@company.ru v@company.ru\nv@company.ru u@company.ru\n";
  const LoadResult loaded =
      parse(std::string(kSmall) + kOwnRewrite + "[[rewrite]]\nmap = \"file:" + file + "\"\n");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const std::vector<Finding> findings = check(*loaded.config);
  std::filesystem::remove(file);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings[0].code, "rewrite-loop");
  EXPECT_EQ(findings[0].line, 26U);
  EXPECT_NE(
      findings[0].message.find("u@company.ru -> w@company.ru -> v@company.ru -> u@company.ru"),
      std::string::npos)
      << findings[0].message;
}

TEST(WaysCheck, NothingIsSaidAboutSoundOnes) {
  const LoadResult loaded = parse(std::string(kSmall) + kOwnRewrite + kJournal + kSenders +
                                  "clients = [\"10.0.1.0/24\"]\nall = true\n" + kReject +
                                  "senders = [\"\"]\nrecipients = [\"@*.company.ru\", \"*\"]\n");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  EXPECT_TRUE(check(*loaded.config).empty()) << shown(check(*loaded.config));
}

}  // namespace
}  // namespace postern::gateway
