// SPDX-License-Identifier: Apache-2.0
#include "routing/mailbox_table.h"

#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::routing::testing {
namespace {

class MailboxTableTest : public ::testing::Test {
 protected:
  MailboxTableTest() {
    Domain second;
    second.name = "branch.ru";
    config_.domains.push_back(second);
  }

  MailboxTable table(std::initializer_list<std::string_view> lines) {
    MailboxTable out(MailboxRules{&domains(), case_sensitive_, delimiter_});
    for (const std::string_view line : lines)
      out.add_line(line);
    return out;
  }
  const DomainIndex& domains() {
    if (!domains_) domains_.emplace(config_.domains);
    return *domains_;
  }

  Config config_ = example_config();
  std::optional<DomainIndex> domains_;
  bool case_sensitive_ = false;
  std::string delimiter_ = "+";
};

TEST_F(MailboxTableTest, NamesTheLineThatHasTheMailbox) {
  const MailboxTable t = table({"# who has a mailbox", "", "  a@company.ru\t\r", "b@company.ru"});
  EXPECT_EQ(t.find(mailbox("a@company.ru")), 3U);
  EXPECT_EQ(t.find(mailbox("b@company.ru")), 4U);
  EXPECT_EQ(t.find(mailbox("c@company.ru")), 0U);
  EXPECT_EQ(t.size(), 2U);
  EXPECT_EQ(t.ignored(), 0U);
}

TEST_F(MailboxTableTest, R4AnAliasIsTheSameMailboxAsTheMainDomain) {
  const MailboxTable t = table({"a@tech.company.ru", "b@company.ru"});
  EXPECT_EQ(t.find(mailbox("a@company.ru")), 1U);
  EXPECT_EQ(t.find(mailbox("b@TECH.company.ru")), 2U);
  EXPECT_EQ(t.find(mailbox("a@branch.ru")), 0U);
}

TEST_F(MailboxTableTest, ALocalPartAloneIsInEveryDomainOfOurs) {
  const MailboxTable t = table({"postmaster"});
  EXPECT_EQ(t.find(mailbox("postmaster@company.ru")), 1U);
  EXPECT_EQ(t.find(mailbox("Postmaster@branch.ru")), 1U);
  EXPECT_EQ(t.find(mailbox("postmaster@corp.com")), 0U);
}

TEST_F(MailboxTableTest, R8aTheFullAddressComesBeforeTheOneWithoutItsTag) {
  const MailboxTable t = table({"a@company.ru", "a+list@company.ru"});
  EXPECT_EQ(t.find(mailbox("a+list@company.ru")), 2U);
  EXPECT_EQ(t.find(mailbox("a+other@company.ru")), 1U);
  EXPECT_EQ(t.find(mailbox("+a@company.ru")), 0U);
}

TEST_F(MailboxTableTest, R8aWithoutADelimiterThereAreNoTags) {
  delimiter_.clear();
  EXPECT_EQ(table({"a@company.ru"}).find(mailbox("a+x@company.ru")), 0U);
}

TEST_F(MailboxTableTest, R8aCaseCountsOnlyWhenTheConfigSaysSo) {
  EXPECT_EQ(table({"A.B@company.ru"}).find(mailbox("a.b@company.ru")), 1U);
  case_sensitive_ = true;
  EXPECT_EQ(table({"A.B@company.ru"}).find(mailbox("a.b@company.ru")), 0U);
  EXPECT_EQ(table({"A.B@company.ru"}).find(mailbox("A.B@COMPANY.ru")), 1U);
}

TEST_F(MailboxTableTest, QuotesAreOnlyASpelling) {
  const MailboxTable t = table({"\"a b\"@company.ru", "\"c@d\"@company.ru", "\"e@f\"", "g"});
  EXPECT_EQ(t.find(mailbox("\"a b\"@company.ru")), 1U);
  EXPECT_EQ(t.find(mailbox("\"c@d\"@company.ru")), 2U);
  EXPECT_EQ(t.find(mailbox("\"e@f\"@branch.ru")), 3U);
  EXPECT_EQ(t.find(mailbox("\"G\"@branch.ru")), 4U);
}

TEST_F(MailboxTableTest, CountsLinesThatAreNoAddressesOfOurs) {
  const MailboxTable t = table({"a@company.ru b@company.ru", "c@corp.com", "@company.ru", "<d>"});
  EXPECT_EQ(t.size(), 0U);
  EXPECT_EQ(t.ignored(), 4U);
  EXPECT_EQ(t.first_ignored().substr(0, 7), "line 1:");
  EXPECT_EQ(t.find(mailbox("a@company.ru")), 0U);
}

TEST_F(MailboxTableTest, SkipsTheByteOrderMarkAndKeepsTheFirstOfTwoEqualLines) {
  const MailboxTable t =
      table({"\xef\xbb\xbf"
             "a@company.ru",
             "A@company.ru"});
  EXPECT_EQ(t.find(mailbox("a@company.ru")), 1U);
  EXPECT_EQ(t.size(), 1U);
}

TEST_F(MailboxTableTest, FindsEachOfManyAndNoneBeside) {
  MailboxTable t(MailboxRules{&domains(), false, "+"});
  constexpr std::size_t kMany = 20'000;
  for (std::size_t i = 0; i < kMany; ++i)
    t.add_line("user" + std::to_string(i) + "@company.ru");
  ASSERT_EQ(t.size(), kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(t.find(mailbox("user" + std::to_string(i) + "@tech.company.ru")), i + 1);
    ASSERT_EQ(t.find(mailbox("nobody" + std::to_string(i) + "@company.ru")), 0U);
  }
}

}  // namespace
}  // namespace postern::routing::testing
