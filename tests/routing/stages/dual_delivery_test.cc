// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/ways_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class DualDeliveryTest : public ::testing::Test {
 protected:
  TemporaryFile list_{"# two mailboxes\ni.ivanov\n"};
  WaysWorld world_{[this](Config& c) { c.domains.front().dual_delivery = list_.path(); }};
};

TEST_F(DualDeliveryTest, MailFromOutsideGoesToVUnderTheAliasAndToXUnderTheMainNameR4a) {
  const Question question{kStranger, "i.ivanov@company.ru"};
  EXPECT_EQ(world_.outcome(question), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(world_.copies(question), "dual exchange i.ivanov@company.ru");
  EXPECT_THAT(trace_of(world_.decide(question)),
              HasSubstr("dual_delivery: copy: list.txt, line 2: a copy goes to exchange"));
}

TEST_F(DualDeliveryTest, MailOfAUserOfVReachesBothPlacesS4) {
  const Question question{kWorkspace, "i.ivanov@company.ru"};
  EXPECT_EQ(world_.outcome(question), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(world_.copies(question), "dual exchange i.ivanov@company.ru");
}

TEST_F(DualDeliveryTest, MailFromXIsNotSentBackToItR7) {
  const Question question{kExchange, "i.ivanov@company.ru"};
  EXPECT_EQ(world_.outcome(question), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(world_.copies(question), "");
}

TEST_F(DualDeliveryTest, ALetterOfVToAVThatDeliversTheDomainAtHomeGoesToXAlone) {
  WaysWorld at_home([this](Config& c) {
    c.domains.front().dual_delivery = list_.path();
    c.domains.front().deliver_as = DeliverAs::main;
  });
  const Question question{kWorkspace, "i.ivanov@company.ru"};
  EXPECT_EQ(at_home.outcome(question), "exchange i.ivanov@company.ru");
  EXPECT_EQ(at_home.copies(question), "");
}

TEST_F(DualDeliveryTest, OthersTheAliasAndWhoIsCutOverHaveOnePlace) {
  EXPECT_EQ(world_.outcome({kStranger, "n.new@company.ru"}), "exchange n.new@company.ru");
  EXPECT_EQ(world_.copies({kStranger, "n.new@company.ru"}), "");
  EXPECT_EQ(world_.copies({kStranger, "i.ivanov@tech.company.ru"}), "") << "X's own copy, S2";
  WaysWorld both([this](Config& c) {
    c.domains.front().dual_delivery = list_.path();
    c.domains.front().cutover_file = list_.path();
  });
  EXPECT_EQ(both.outcome({kStranger, "i.ivanov@company.ru"}), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(both.copies({kStranger, "i.ivanov@company.ru"}), "");
}

TEST_F(DualDeliveryTest, TagsAndCaseAreTheSameUserR8a) {
  EXPECT_EQ(world_.copies({kStranger, "I.Ivanov+news@Company.ru"}),
            "dual exchange I.Ivanov+news@Company.ru");
}

TEST_F(DualDeliveryTest, WhomVDoesNotKnowStaysInXOnceR9) {
  world_.directory.known.erase("i.ivanov");
  const Question question{kStranger, "i.ivanov@company.ru"};
  EXPECT_EQ(world_.outcome(question), "exchange i.ivanov@company.ru");
  EXPECT_EQ(world_.copies(question), "") << "X has it already";
}

TEST_F(DualDeliveryTest, AListThatCannotBeReadDefers) {
  WaysWorld lost([](Config& c) { c.domains.front().dual_delivery = "/no/such/list"; });
  EXPECT_EQ(lost.outcome({kStranger, "i.ivanov@company.ru"}), "451 4.4.3 dual_delivery");
}

TEST_F(DualDeliveryTest, AStarMeansEverybodyAndARouteTellsWhereXIs) {
  WaysWorld all([](Config& c) {
    c.domains.front().dual_delivery = "*";
    c.routes = {
        Route{{"*"},          "dlp"     },
        Route{{"company.ru"}, "exchange"}
    };
  });
  EXPECT_EQ(all.copies({kStranger, "n.new@company.ru"}), "dual exchange n.new@company.ru");
  WaysWorld no_x([](Config& c) {
    c.domains.front().dual_delivery = "*";
    c.routes.clear();
  });
  EXPECT_EQ(no_x.outcome({kStranger, "n.new@company.ru"}), "vk n.new@tech.company.ru");
  EXPECT_EQ(no_x.copies({kStranger, "n.new@company.ru"}), "");
}

}  // namespace
}  // namespace postern::routing::testing
