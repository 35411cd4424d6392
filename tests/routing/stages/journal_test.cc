// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/ways_world.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  static Journal journal(std::vector<std::string> senders = {},
                         std::vector<std::string> recipients = {}) {
    return Journal{"archive@company.ru", "exchange", std::move(senders), std::move(recipients)};
  }
  static std::unique_ptr<WaysWorld> with(std::vector<Journal> journals) {
    return std::make_unique<WaysWorld>(
        [&journals](Config& c) { c.journals = std::move(journals); });
  }
};

TEST_F(JournalTest, ACopyGoesToTheArchiveAndTheRecipientItsWay) {
  const auto world = with({journal()});
  const Question question{kStranger, "n.new@tech.company.ru"};
  EXPECT_EQ(world->outcome(question), "vk n.new@tech.company.ru");
  EXPECT_EQ(world->copies(question), "journal exchange archive@company.ru");
  EXPECT_EQ(world->copies({kService, "a@corp.com"}), "journal exchange archive@company.ru");
}

TEST_F(JournalTest, SeveralJournalsAreSeveralCopies) {
  Journal second = journal();
  second.to = "law@company.ru";
  EXPECT_EQ(with({journal(), second})->copies({kStranger, "n.new@company.ru"}),
            "journal exchange archive@company.ru; journal exchange law@company.ru");
}

TEST_F(JournalTest, SendersAndRecipientsMustBothMatch) {
  const auto world = with({journal({"@corp.com"}, {"n.new@company.ru"})});
  EXPECT_NE(world->copies({kStranger, "n.new@company.ru", "nina@corp.com"}), "");
  EXPECT_EQ(world->copies({kStranger, "n.new@company.ru", "nina@other.com"}), "");
  EXPECT_EQ(world->copies({kStranger, "i.ivanov@company.ru", "nina@corp.com"}), "");
}

TEST_F(JournalTest, MailToTheArchiveAndMailThatIsRefusedHasNone) {
  const auto world = with({journal()});
  EXPECT_EQ(world->copies({kStranger, "Archive@company.ru"}), "");
  EXPECT_EQ(world->copies({kStranger, "a@corp.com"}), "") << "550 5.7.1 (R2)";
}

TEST_F(JournalTest, MailOfXsUsersIsArchivedInXTooR7) {
  EXPECT_EQ(with({journal()})->copies({kExchange, "a@corp.com"}),
            "journal exchange archive@company.ru")
      << "another address than it came with";
}

}  // namespace
}  // namespace postern::routing::testing
