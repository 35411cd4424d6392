// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::sink {
namespace {

using ::testing::HasSubstr;

Fault good(std::string_view kind, std::string_view spec) {
  const Result<Fault, FaultError> fault = parse_fault(kind, spec);
  EXPECT_TRUE(fault) << kind << " " << spec << ": " << (fault ? "" : fault.error().text);
  return fault ? *fault : Fault{};
}

std::string wrong(std::string_view kind, std::string_view spec) {
  const Result<Fault, FaultError> fault = parse_fault(kind, spec);
  EXPECT_FALSE(fault) << kind << " " << spec;
  return fault ? "" : fault.error().text;
}

TEST(FaultWords, AFailureHasAStageACodeAndConditions) {
  const Fault fault =
      good("fail", "rcpt:450 4.2.1:5%:from=*@x.ru:to=bob@*:client=10.0.0.0/8:first=3:text=a: b");
  EXPECT_EQ(fault.stage, Stage::rcpt);
  EXPECT_EQ(fault.reply.line(), "450 4.2.1 a: b");
  EXPECT_DOUBLE_EQ(fault.percent, 5);
  EXPECT_EQ(fault.from, "*@x.ru");
  EXPECT_EQ(fault.to, "bob@*");
  EXPECT_EQ(fault.client->str(), "10.0.0.0/8");
  EXPECT_EQ(fault.first, 3U);
  EXPECT_THAT(fault.text, HasSubstr("fail rcpt:450 4.2.1:5%"));
}

TEST(FaultWords, GreetingAndEhloHaveNoEnhancedStatus) {
  EXPECT_TRUE(good("fail", "connect:554").reply.status().empty());
  EXPECT_TRUE(good("fail", "helo:421").reply.status().empty());
  EXPECT_EQ(good("fail", "mail:550").reply.status().str(), "5.0.0");
}

TEST(FaultWords, EndIsAnotherNameOfData) {
  EXPECT_EQ(good("fail", "end:550").stage, Stage::data);
  EXPECT_EQ(good("fail", "data:550").stage, Stage::data);
  EXPECT_EQ(good("fail", "data-command:550").stage, Stage::data_command);
}

TEST(FaultWords, AnIpv6BlockStandsInBrackets) {
  EXPECT_EQ(good("stall", "data:client=[2001:db8::/32]").client->str(), "2001:db8::/32");
}

TEST(FaultWords, OtherKinds) {
  EXPECT_EQ(good("delay", "mail:200ms").span, std::chrono::milliseconds(200));
  EXPECT_EQ(good("delay", "any:3s:nth=2").nth, 2U);
  const Fault drop = good("drop", "after-data:reset:to=bob@*");
  EXPECT_EQ(drop.when, Fault::When::after);
  EXPECT_EQ(drop.stage, Stage::data);
  EXPECT_TRUE(drop.reset);
  EXPECT_EQ(drop.to, "bob@*");
  EXPECT_EQ(good("drop", "answered-helo").when, Fault::When::answered);
  EXPECT_TRUE(good("drop", "reset").reset);
  EXPECT_EQ(good("stall", "").stage, Stage::any);
  EXPECT_DOUBLE_EQ(good("stall", "10%").percent, 10);
  EXPECT_EQ(good("slow-read", "64K/s").rate, 65536U);
  EXPECT_EQ(good("no-ext", "chunking,PIPELINING").extensions,
            (std::vector<std::string>{"CHUNKING", "PIPELINING"}));
  EXPECT_EQ(good("tls-fail", "client=127.0.0.1").kind, Fault::Kind::tls_fail);
}

TEST(FaultWords, WhatIsWrongIsToldWithWhatToWrite) {
  EXPECT_THAT(wrong("fail", ""), HasSubstr("rcpt:450"));
  EXPECT_THAT(wrong("fail", "rcpt"), HasSubstr("STAGE:CODE"));
  EXPECT_THAT(wrong("fail", "recpt:450"), HasSubstr("write one of connect, helo"));
  EXPECT_THAT(wrong("fail", "any:450"), HasSubstr("every stage"));
  EXPECT_THAT(wrong("fail", "rcpt:250"), HasSubstr("400 to 599"));
  EXPECT_THAT(wrong("fail", "rcpt:45x"), HasSubstr("400 to 599"));
  EXPECT_THAT(wrong("fail", "rcpt:450 5.1.1"), HasSubstr("450 4.2.1"));
  EXPECT_THAT(wrong("fail", "rcpt:450:0%"), HasSubstr("percentage"));
  EXPECT_THAT(wrong("fail", "rcpt:450:nan%"), HasSubstr("percentage"));
  EXPECT_THAT(wrong("fail", "rcpt:450:101%"), HasSubstr("percentage"));
  EXPECT_THAT(wrong("fail", "rcpt:450:client=10.0.0.5/24"), HasSubstr("host bits"));
  EXPECT_THAT(wrong("fail", "rcpt:450:nth=0"), HasSubstr("nth=3"));
  EXPECT_THAT(wrong("fail", "rcpt:450:to="), HasSubstr("to=bob@*"));
  EXPECT_THAT(wrong("fail", "rcpt:450:subject=x"), HasSubstr("from=, to="));
  EXPECT_THAT(wrong("fail", "rcpt:450:often"), HasSubstr("no condition"));
  EXPECT_THAT(wrong("delay", "mail"), HasSubstr("mail:200ms"));
  EXPECT_THAT(wrong("delay", "mail:200"), HasSubstr("200ms"));
  EXPECT_THAT(wrong("delay", "mail:2h"), HasSubstr("an hour"));
  EXPECT_THAT(wrong("delay", "mail:61m"), HasSubstr("an hour"));
  EXPECT_THAT(wrong("delay", "mail:1s:text=x"), HasSubstr("fail alone"));
  EXPECT_THAT(wrong("drop", "data"), HasSubstr("after-data"));
  EXPECT_THAT(wrong("stall", "later"), HasSubstr("no stage"));
  EXPECT_THAT(wrong("slow-read", "fast"), HasSubstr("1000 or 64K"));
  EXPECT_THAT(wrong("no-ext", "XYZ"), HasSubstr("PIPELINING"));
  EXPECT_THAT(wrong("no-ext", ""), HasSubstr("CHUNKING"));
  EXPECT_THAT(wrong("explode", "now"), HasSubstr("fail, delay, drop"));
}

TEST(FaultWords, AConditionThatIsNeverKnownThereIsAnError) {
  EXPECT_THAT(wrong("fail", "connect:554:from=a@b"), HasSubstr("client="));
  EXPECT_THAT(wrong("fail", "mail:550:to=a@b"), HasSubstr("rcpt"));
  EXPECT_THAT(wrong("tls-fail", "from=a@b"), HasSubstr("client="));
  EXPECT_THAT(wrong("no-ext", "DSN:5%"), HasSubstr("client="));
}

TEST(Pattern, CoversTheWholeTextWithoutCase) {
  EXPECT_TRUE(matches("bob@*", "Bob@y.ru"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(matches("?@y", "a@y"));
  EXPECT_TRUE(matches("a*b*c", "abbbcbc"));
  EXPECT_FALSE(matches("bob", "bob@y.ru"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches("a*b", "ac"));
}

TEST(Pattern, ManyStarsCostNoMoreThanTheirProduct) {
  std::string pattern;
  for (int i = 0; i < 200; ++i)
    pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

class FaultTableTest : public ::testing::Test {
 protected:
  FaultTable table{7};

  std::string strikes_of(int times, const Occasion& occasion) {
    std::string out;
    for (int i = 0; i < times; ++i)
      out += table.strike(occasion).reply ? 'x' : '.';
    return out;
  }
  static Occasion at(Stage stage) {
    return Occasion{stage, boost::asio::ip::make_address("10.0.0.1"), {}, {}};
  }
};

TEST_F(FaultTableTest, NthAndFirstCountTheOccasionsThatFit) {
  table.add(good("fail", "helo:450:nth=3"));
  EXPECT_EQ(strikes_of(5, at(Stage::helo)), "..x..");
  table.clear();
  table.add(good("fail", "helo:450:first=2"));
  EXPECT_EQ(strikes_of(2, at(Stage::quit)), "..");
  EXPECT_EQ(strikes_of(5, at(Stage::helo)), "xx...");
}

TEST_F(FaultTableTest, APercentageIsTheSameEachTimeAndAboutRight) {
  table.add(good("fail", "helo:450:10%"));
  FaultTable other(7);
  other.add(good("fail", "helo:450:10%"));
  FaultTable third(8);
  third.add(good("fail", "helo:450:10%"));
  int struck = 0;
  int differs = 0;
  for (int i = 0; i < 10000; ++i) {
    const bool here = table.strike(at(Stage::helo)).reply.has_value();
    EXPECT_EQ(here, other.strike(at(Stage::helo)).reply.has_value());
    differs += here != third.strike(at(Stage::helo)).reply.has_value() ? 1 : 0;
    struck += here ? 1 : 0;
  }
  EXPECT_GT(struck, 900);
  EXPECT_LT(struck, 1100);
  EXPECT_GT(differs, 1000);
  EXPECT_EQ(table.list().front().struck, static_cast<std::uint64_t>(struck));
}

TEST_F(FaultTableTest, ConditionsLookAtSenderRecipientsAndClient) {
  table.add(good("fail", "data:550:from=<>:to=bob@*:client=10.0.0.0/24"));
  const std::vector<std::string_view> to = {"ann@y.ru", "bob@y.ru"};
  Occasion occasion = at(Stage::data);
  occasion.from = "";
  occasion.to = to;
  EXPECT_TRUE(table.strike(occasion).reply);
  occasion.from = "a@x.ru";
  EXPECT_FALSE(table.strike(occasion).reply);
  occasion.from = std::nullopt;
  EXPECT_FALSE(table.strike(occasion).reply);
  occasion.from = "";
  occasion.to = std::span(to).first(1);
  EXPECT_FALSE(table.strike(occasion).reply);
  occasion.to = to;
  occasion.client = boost::asio::ip::make_address("10.0.1.1");
  EXPECT_FALSE(table.strike(occasion).reply);
}

TEST_F(FaultTableTest, SeveralFaultsAddUp) {
  table.add(good("delay", "helo:200ms"));
  table.add(good("delay", "any:1s"));
  table.add(good("fail", "helo:450"));
  table.add(good("fail", "helo:550"));
  const Strike strike = table.strike(at(Stage::helo));
  EXPECT_EQ(strike.delay, std::chrono::milliseconds(1200));
  EXPECT_EQ(strike.reply->code(), 450);
}

TEST_F(FaultTableTest, NumbersStayWhenOthersGo) {
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.add(good("fail", "helo:450")), 1U);
  EXPECT_EQ(table.add(good("no-ext", "DSN:client=10.0.0.1")), 2U);
  EXPECT_TRUE(table.remove(1));
  EXPECT_FALSE(table.remove(1));
  EXPECT_EQ(table.add(good("stall", "")), 3U);
  ASSERT_EQ(table.list().size(), 2U);
  EXPECT_EQ(table.list().front().number, 2U);
  EXPECT_EQ(table.hidden(boost::asio::ip::make_address("10.0.0.1")),
            std::vector<std::string>{"DSN"});
  EXPECT_TRUE(table.hidden(boost::asio::ip::make_address("10.0.0.2")).empty());
}

TEST_F(FaultTableTest, IsBounded) {
  for (std::size_t i = 0; i < FaultTable::kMost; ++i)
    ASSERT_NE(table.add(good("stall", "")), 0U);
  EXPECT_EQ(table.add(good("stall", "")), 0U);
}

}  // namespace
}  // namespace postern::sink
