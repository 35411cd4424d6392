// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/policy.h"

#include "samples.h"

#include <gtest/gtest.h>

namespace postern::dsn {
namespace {

constexpr smtp::Notify kDefault{};
constexpr smtp::Notify kNever{true, false, false, false};
constexpr smtp::Notify kSuccess{false, true, false, false};
constexpr smtp::Notify kFailure{false, false, true, false};
constexpr smtp::Notify kDelay{false, false, false, true};
constexpr smtp::Notify kAll{false, true, true, true};

struct NotifyCase {
  const char* name;
  smtp::Notify notify;
  bool failed, delayed, success;
};
constexpr NotifyCase kNotifyCases[] = {
    {"none",    kDefault, true,  true,  false},
    {"NEVER",   kNever,   false, false, false},
    {"SUCCESS", kSuccess, false, false, true },
    {"FAILURE", kFailure, true,  false, false},
    {"DELAY",   kDelay,   false, true,  false},
    {"all",     kAll,     true,  true,  true },
};

TEST(DsnPolicy, HonoursNotify) {
  for (const NotifyCase& c : kNotifyCases) {
    EXPECT_EQ(is_wanted(c.notify, Action::failed), c.failed) << c.name;
    EXPECT_EQ(is_wanted(c.notify, Action::delayed), c.delayed) << c.name;
    EXPECT_EQ(is_wanted(c.notify, Action::relayed), c.success) << c.name;
    EXPECT_EQ(is_wanted(c.notify, Action::delivered), c.success) << c.name;
    EXPECT_EQ(is_wanted(c.notify, Action::expanded), c.success) << c.name;
  }
}

TEST(DsnPolicy, ReportsNothingToTheNullSenderWhateverNotifySaysR17) {
  for (const NotifyCase& c : kNotifyCases) {
    for (const Action action :
         {Action::failed, Action::delayed, Action::delivered, Action::relayed, Action::expanded}) {
      std::vector<ReportedRecipient> all{recipient("a@company.ru", action, no_such_user())};
      all[0].recipient.parameters.notify = c.notify;
      EXPECT_TRUE(reported(smtp::ReversePath(), all).empty()) << c.name << " " << name(action);
    }
  }
}

TEST(DsnPolicy, ReportsTheRecipientsThatWantIt) {
  std::vector<ReportedRecipient> all;
  for (const NotifyCase& c : kNotifyCases) {
    all.push_back(recipient(std::string(c.name) + "@company.ru", Action::failed, no_such_user()));
    all.back().recipient.parameters.notify = c.notify;
  }
  std::vector<std::string> told;
  for (const ReportedRecipient& r : reported(facts().sender.path, all))
    told.push_back(r.recipient.address.text());
  EXPECT_EQ(told,
            (std::vector<std::string>{"none@company.ru", "FAILURE@company.ru", "all@company.ru"}));
}

TEST(DsnPolicy, ReportToAMailerDaemonIsNotAnsweredAgain) {
  const auto to_daemon =
      reported(smtp::ReversePath(mailbox("MAILER-DAEMON@partner.ru")), facts().recipients);
  ASSERT_EQ(to_daemon.size(), 1U);
  const std::optional<Report> report = compose(facts());
  ASSERT_TRUE(report);
  const smtp::Sender answer = report_sender(*report);
  EXPECT_TRUE(answer.path.is_null());
  EXPECT_TRUE(reported(answer.path, to_daemon).empty());
}

TEST(DsnPolicy, RelayedIsReportedWhereTheNextHopHasNoDsn) {
  EXPECT_EQ(on_taken(kSuccess, false), Action::relayed);
  EXPECT_EQ(on_taken(kAll, false), Action::relayed);
  EXPECT_EQ(on_taken(kSuccess, true), std::nullopt);
  EXPECT_EQ(on_taken(kDefault, false), std::nullopt);
  EXPECT_EQ(on_taken(kNever, false), std::nullopt);
  EXPECT_EQ(on_taken(kFailure, false), std::nullopt);
}

TEST(DsnPolicy, ReportsEnvelopeAsksForWhatItNeeds) {
  const Report plain{"x\r\n", false, false};
  EXPECT_EQ(report_sender(plain).parameters.body, smtp::Body::unspecified);
  EXPECT_FALSE(report_sender(plain).parameters.smtputf8);
  EXPECT_EQ(report_sender(plain).parameters.size, 3U);
  const Report eight{"x\r\n", true, true};
  EXPECT_EQ(report_sender(eight).parameters.body, smtp::Body::eight_bit_mime);
  EXPECT_TRUE(report_sender(eight).parameters.smtputf8);
  EXPECT_FALSE(report_sender(eight).parameters.requiretls);
  const Report demanding{"x\r\n", false, false, true};
  EXPECT_TRUE(report_sender(demanding).parameters.requiretls);
}

}  // namespace
}  // namespace postern::dsn
