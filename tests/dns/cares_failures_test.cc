// SPDX-License-Identifier: Apache-2.0
// Servers that answer wrongly, late or not at all.
#include "cares_fixture.h"

#include <gmock/gmock.h>

namespace postern::dns {
namespace {

using namespace std::chrono_literals;
using test::a_record;
using test::answer;
using test::kAaaa;
using test::kCname;
using test::kMx;
using test::kSoa;
using test::mx_record;
using test::rcode;
using test::Reaction;
using test::reaction;
using testing::ElementsAre;
using How = Reaction::How;

class CaresFailuresTest : public test::CaresFixture {};

TEST_F(CaresFailuresTest, TransientRcodes) {
  for (const std::uint8_t code : std::initializer_list<std::uint8_t>{1, 2, 4, 5, 6, 9}) {
    const std::string domain = "r" + std::to_string(code) + ".example";
    server_.set("MX " + domain, rcode(code));
    EXPECT_EQ(mx(domain).status, Status::server_failure) << domain;
  }
}

TEST_F(CaresFailuresTest, AnAnswerToAnotherQueryIsNotTaken) {
  make(20ms);
  server_.set("MX forged.example", reaction(How::wrong_id, {mx_record(1, "evil.example")}));
  EXPECT_EQ(mx("forged.example").status, Status::timed_out);
}

TEST_F(CaresFailuresTest, AnAnswerForAnotherNameIsNotTaken) {
  make(20ms);
  server_.set("MX forged.example", reaction(How::wrong_question, {mx_record(1, "evil.example")}));
  EXPECT_EQ(mx("forged.example").status, Status::timed_out);
}

TEST_F(CaresFailuresTest, ASecondServerAnswersWhereTheFirstIsSilent) {
  test::ScriptedServer dead(io_);
  dead.set("MX example.com", reaction(How::silence));
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  make(20ms, {dead.address(), server_.address()});
  EXPECT_EQ(mx("example.com").status, Status::ok);
  EXPECT_FALSE(dead.asked().empty());
}

TEST_F(CaresFailuresTest, ASecondServerAnswersWhereTheFirstRefusesOrFails) {
  for (const std::uint8_t code : std::initializer_list<std::uint8_t>{2, 4, 5}) {
    test::ScriptedServer bad(io_);
    bad.set("MX example.com", rcode(code));
    server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
    make(1h, {bad.address(), server_.address()});
    EXPECT_EQ(mx("example.com").status, Status::ok) << int{code};
    EXPECT_THAT(bad.asked(), ElementsAre("MX example.com"));
  }
}

TEST_F(CaresFailuresTest, AServerWithoutEdnsIsAskedWithoutIt) {
  for (const char* domain : {"one.example", "two.example", "three.example"}) {
    server_.set(std::string("MX ") + domain, reaction(How::no_edns, {mx_record(10, "a.example")}));
    EXPECT_EQ(mx(domain).status, Status::ok) << domain;
  }
  EXPECT_EQ(server_.asked().size(), 5U) << "the third is asked without it at once";
}

TEST_F(CaresFailuresTest, AFormatErrorWithoutEdnsIsAFailure) {
  server_.set("MX odd.example", rcode(1));
  EXPECT_EQ(mx("odd.example").status, Status::server_failure);
}

TEST_F(CaresFailuresTest, ACircleOfAliasesIsAFailure) {
  server_.set("MX a.example",
              answer({
                  {kCname, test::cname_data("b.example"), 60, "a.example"},
                  {kCname, test::cname_data("a.example"), 60, "b.example"}
  }));
  EXPECT_EQ(mx("a.example").status, Status::server_failure);
}

TEST_F(CaresFailuresTest, AnAnswerOfTheLongestSortIsRead) {
  std::vector<test::ScriptedRecord> many;
  for (int i = 0; i < 2000; ++i)
    many.push_back({kAaaa, test::aaaa_data("2001:db8::1"), 300, {}});
  server_.set("AAAA big.example", reaction(How::truncate_udp, std::move(many)));
  server_.set("A big.example", answer({}));
  EXPECT_EQ(addresses("big.example").addresses.size(), 64U) << "more are of no use";
}

TEST_F(CaresFailuresTest, ThatANameIsNotThereIsKeptAsLongAsTheSoaSays) {
  Reaction gone = rcode(3);
  gone.authority = {
      {kSoa, test::soa_data(0), 300, "example"}
  };
  server_.set("MX gone.example", gone);
  mx("gone.example");
  EXPECT_EQ(mx("gone.example").status, Status::nx_domain);
  EXPECT_EQ(server_.asked().size(), 2U) << "not at all";
  gone.authority[0].data = test::soa_data(300);
  server_.set("MX gone.example", gone);
  mx("gone.example");
  mx("gone.example");
  EXPECT_EQ(server_.asked().size(), 3U);
}

TEST_F(CaresFailuresTest, ATtlOfZeroServesThoseWhoWaitAndNobodyElse) {
  server_.set("MX now.example",
              answer({
                  {kMx, test::mx_data(10, "a.example"), 0, {}}
  }));
  const auto one = test::start(io_, resolver_->mx("now.example"));
  const auto two = test::start(io_, resolver_->mx("now.example"));
  EXPECT_EQ(test::wait(io_, one).status, Status::ok);
  EXPECT_EQ(test::wait(io_, two).status, Status::ok);
  EXPECT_EQ(server_.asked().size(), 1U);
  mx("now.example");
  EXPECT_EQ(server_.asked().size(), 2U);
}

}  // namespace
}  // namespace postern::dns
