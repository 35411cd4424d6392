// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/letters.h"

#include "imap_stub.h"
#include "plans.h"
#include "support/exchange_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

// What becomes of a letter that a server takes though it had to refuse it.

namespace postern::verify {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

/// An outside mailbox into which the letter comes after some looks.
class SlowMailbox {
 public:
  std::string token;  ///< of the letter; set before it is asked

  std::string answer(const std::string& command) {
    if (command.starts_with("UID SEARCH UID 1:")) return ++looks_ < 3 ? "" : "* SEARCH 1\r\n";
    if (!command.starts_with("UID FETCH 1 ")) return {};
    const std::string letter = fmt::format("X-Postern-Verify: {}\r\n\r\nbody\r\n", token);
    return fmt::format("* 1 FETCH (UID 1 BODY[]<0> {{{}}}\r\n{})\r\n", letter.size(), letter);
  }

 private:
  unsigned looks_ = 0;
};

/// Takes what a stranger sends to anybody.
test::ExchangeHabits open_relay() {
  test::ExchangeHabits habits;
  habits.relay_right = true;
  return habits;
}

class VerifyLetters : public testing::Test {
 protected:
  VerifyLetters() {
    options_.only = {"S8"};
    options_.wait = std::chrono::seconds(20);
    options_.settle = std::chrono::seconds(0);
  }
  Plan plan_with(const std::string& outside) const {
    Plan plan = plan_of(outside, config_).plan.value();
    plan.gateway_mx.host = "127.0.0.1";
    plan.gateway_mx.port = relay_.port();
    return plan;
  }
  std::vector<Row> run(Letters& letters) {
    std::vector<Row> rows = letters.run(err_);
    EXPECT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.front().verdict, Verdict::failed);
    EXPECT_EQ(rows.front().found, "taken");
    return rows;
  }

  const gateway::Config config_ = gateway_config();
  const test::ExchangeServer relay_{open_relay()};
  VerifyOptions options_;
  std::ostringstream err_;
};

TEST_F(VerifyLetters, ALetterThatHadToBeRefusedIsWaitedForAndDeleted) {
  SlowMailbox mailbox;
  const ImapStub imap([&mailbox](const std::string& command) { return mailbox.answer(command); });
  const Plan plan = plan_with(
      fmt::format("[outside]\naddress = \"nina@corp.com\"\nimap = {{ server = \"127.0.0.1:{}\", "
                  "tls = \"none\" }}\npassword_file = \"/p\"\n",
                  imap.port()));
  {
    Letters letters(plan, config_, options_);
    mailbox.token = letters.run_token() + "-S8";
    run(letters);
    EXPECT_THAT(letters.left_over(), IsEmpty());
  }
  EXPECT_THAT(imap.commands(), Contains("UID EXPUNGE 1"));
}

TEST_F(VerifyLetters, OneThatNobodySeesArriveIsNamed) {
  const Plan plan = plan_with("[outside]\naddress = \"nina@corp.com\"\n");
  Letters letters(plan, config_, options_);
  run(letters);
  EXPECT_THAT(letters.left_over(),
              ElementsAre("nina@corp.com: the letter of S8 was taken, and was not seen to arrive"));
}

TEST_F(VerifyLetters, WhoKeepsLettersIsToldOfNone) {
  options_.keep = true;
  const Plan plan = plan_with("[outside]\naddress = \"nina@corp.com\"\n");
  Letters letters(plan, config_, options_);
  run(letters);
  EXPECT_THAT(letters.left_over(), IsEmpty());
}

}  // namespace
}  // namespace postern::verify
