// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const spool::WallTime kNow{std::chrono::hours(1000)};
const spool::MessageId kId = spool::MessageId::first_at(kNow - std::chrono::hours(2));

spool::Recipient to(const char* address, const char* lane, unsigned attempts = 0) {
  spool::Recipient out;
  out.address.address = *smtp::Mailbox::parse(address);
  out.lane = lane;
  out.attempts = attempts;
  return out;
}

spool::Envelope envelope() {
  spool::Envelope out;
  out.sender.path = smtp::ReversePath(*smtp::Mailbox::parse("Boss@Corp.com"));
  out.recipients = {to("a@company.ru", "exchange"), to("b@company.ru", "vk", 2)};
  out.recipients.push_back(to("c@company.ru", "vk"));
  out.recipients.back().fate = spool::Fate::delivered;
  out.received = kNow - std::chrono::hours(2);
  return out;
}

std::vector<std::uint32_t> select(const ControlFilter& filter) {
  return selected(filter, kId, envelope(), kNow);
}

TEST(Glob, MatchesWithStarsInEitherCase) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*@corp.com", "A@CORP.com"));
  EXPECT_TRUE(glob_matches("a*b*c", "axxbxbxc"));
  EXPECT_TRUE(glob_matches("a**", "a"));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_FALSE(glob_matches("a*b*c", "axxbxbx"));
  EXPECT_FALSE(glob_matches("*@corp.com", "a@corp.com.ru"));
  EXPECT_FALSE(glob_matches("a?c", "abc")) << "only * is special: ? may stand in an address";
}

TEST(Glob, TakesLinearTimeForManyStars) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i)
    pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

TEST(ControlFilter, MeansEveryPendingRecipientWhenNothingIsChosen) {
  EXPECT_THAT(select({}), ElementsAre(0, 1));
}

TEST(ControlFilter, MeansTheRecipientsOfALane) {
  ControlFilter filter;
  filter.hop = "vk";
  EXPECT_THAT(select(filter), ElementsAre(1));
  filter.recipient = "a@*";
  EXPECT_THAT(select(filter), IsEmpty()) << "hop and recipient must be of the same recipient";
}

TEST(ControlFilter, ComparesAddresses) {
  ControlFilter filter;
  filter.sender = "<boss@corp.com>";
  EXPECT_THAT(select(filter), ElementsAre(0, 1));
  filter.sender = "<>";
  EXPECT_THAT(select(filter), IsEmpty());
  spool::Envelope bounce = envelope();
  bounce.sender.path = smtp::ReversePath();
  EXPECT_THAT(selected(filter, kId, bounce, kNow), ElementsAre(0, 1));
}

TEST(ControlFilter, ComparesAges) {
  ControlFilter filter;
  filter.older = std::chrono::hours(2);
  EXPECT_THAT(select(filter), ElementsAre(0, 1));
  filter.older = std::chrono::hours(2) + std::chrono::seconds(1);
  EXPECT_THAT(select(filter), IsEmpty());
}

TEST(ControlFilter, KnowsStates) {
  spool::Envelope one = envelope();
  EXPECT_EQ(state_of(one), QueueState::deferred);
  one.recipients[1].fate = spool::Fate::delivered;
  EXPECT_EQ(state_of(one), QueueState::waiting) << "who was tried is done with";
  one.held = true;
  EXPECT_EQ(state_of(one), QueueState::held);
  ControlFilter filter;
  filter.state = QueueState::held;
  EXPECT_THAT(selected(filter, kId, one, kNow), ElementsAre(0));
  EXPECT_THAT(select(filter), IsEmpty());
}

TEST(ControlFilter, LeavesAloneWhatCameAfterTheQuestion) {
  ControlFilter filter;
  filter.up_to = kId.str();
  EXPECT_THAT(select(filter), ElementsAre(0, 1));
  const spool::MessageId later(kId.value() + 1);
  EXPECT_THAT(selected(filter, later, envelope(), kNow), IsEmpty());
  filter.up_to = "nonsense";
  EXPECT_THAT(select(filter), IsEmpty());
}

}  // namespace
}  // namespace postern::gateway
