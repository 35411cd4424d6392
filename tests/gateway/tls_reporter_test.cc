// SPDX-License-Identifier: Apache-2.0
// TLS-RPT: what is seen is counted, and told once a day.
#include "gateway/tls_reporter.h"

#include "support/folder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using queue::TlsOutcome;

constexpr std::chrono::sys_days kToday = std::chrono::year(2026) / 11 / 29;

class RecordsOnly : public dns::Resolver {
 public:
  using Records = std::map<std::string, std::string>;
  RecordsOnly(std::shared_ptr<const Records> records, std::shared_ptr<std::atomic<bool>> broken)
      : records_(std::move(records)), broken_(std::move(broken)) {}
  net::Awaitable<dns::MxAnswer> mx(std::string) override { co_return dns::MxAnswer(); }
  net::Awaitable<dns::AddressAnswer> addresses(std::string) override {
    co_return dns::AddressAnswer();
  }
  net::Awaitable<dns::TextAnswer> txt(std::string name) override {
    dns::TextAnswer out;
    const auto at = records_->find(name);
    if (*broken_) {
      out.status = dns::Status::timed_out;
    } else if (at == records_->end()) {
      out.status = dns::Status::nx_domain;
    } else {
      out.texts = {at->second};
    }
    co_return out;
  }

 private:
  std::shared_ptr<const Records> records_;
  std::shared_ptr<std::atomic<bool>> broken_;
};

/// Letters as the queue would get them.
struct Outbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<TlsReporter::Letter> letters;
  bool takes = true;

  bool take(TlsReporter::Letter letter) {
    const std::lock_guard lock(mutex);
    letters.push_back(std::move(letter));
    changed.notify_all();
    return takes;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return letters.size();
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return letters.size() >= count; });
  }
};

class TlsReporterTest : public testing::Test {
 protected:
  TlsReporterTest() {
    (*records_)["_smtp._tls.example.com"] = "v=TLSRPTv1; rua=mailto:reports@example.com";
  }
  TlsReporter::Options options() {
    TlsReporter::Options out;
    out.folder = folder_.path();
    out.hostname = "gw.company.ru";
    out.config = [from = from_] { return TlsReportConfig{from, "Company", "admin@company.ru"}; };
    out.resolver = [records = records_, broken = broken_](net::Executor) {
      return std::make_unique<RecordsOnly>(records, broken);
    };
    out.send = [outbox = outbox_](TlsReporter::Letter letter, std::function<void(bool)> done) {
      done(outbox->take(std::move(letter)));
    };
    out.now = [clock = clock_] { return kToday + std::chrono::seconds(clock->load()); };
    out.look = 2ms;
    return out;
  }
  static TlsOutcome outcome(tls::Failure failure = tls::Failure::none,
                            const std::string& domain = "Example.COM") {
    TlsOutcome out;
    out.policy = TlsOutcome::Policy::sts;
    out.source = {"version: STSv1"};
    out.mx_patterns = {"mx.example.com"};
    out.domain = domain;
    out.mx_host = "mx.example.com";
    out.endpoint = net::Endpoint(boost::asio::ip::make_address("192.0.2.1"), 25);
    out.failure = failure;
    return out;
  }

  test::Folder folder_;
  std::string from_ = "tls@company.ru";
  std::shared_ptr<RecordsOnly::Records> records_ = std::make_shared<RecordsOnly::Records>();
  std::shared_ptr<std::atomic<bool>> broken_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  std::shared_ptr<std::atomic<std::int64_t>> clock_ =
      std::make_shared<std::atomic<std::int64_t>>(0);
};

TEST_F(TlsReporterTest, WhatIsSeenStandsInThePreview) {
  TlsReporter reporter(options());
  reporter.seen(outcome());
  reporter.seen(outcome(tls::Failure::certificate_expired));
  TlsOutcome nobody = outcome(tls::Failure::sts_policy_fetch_error, "example.org");
  nobody.policy = TlsOutcome::Policy::none_found;
  nobody.endpoint = net::Endpoint();
  reporter.seen(nobody);
  const std::vector<std::string> reports = reporter.preview(kToday);
  ASSERT_EQ(reports.size(), 2U);
  const Json first = Json::parse(reports[0]);
  EXPECT_EQ(first["policies"][0]["policy"]["policy-domain"], "example.com");
  EXPECT_EQ(first["policies"][0]["summary"]["total-successful-session-count"], 1);
  EXPECT_EQ(first["policies"][0]["failure-details"][0]["result-type"], "certificate-expired");
  EXPECT_EQ(first["policies"][0]["failure-details"][0]["receiving-ip"], "192.0.2.1");
  const Json second = Json::parse(reports[1]);
  EXPECT_EQ(second["policies"][0]["policy"]["policy-type"], "no-policy-found");
  EXPECT_FALSE(second["policies"][0]["failure-details"][0].contains("receiving-ip"));
  EXPECT_TRUE(reporter.preview(kToday - std::chrono::days(1)).empty());
}

TEST_F(TlsReporterTest, WithoutFromNothingIsCounted) {
  from_.clear();
  TlsReporter reporter(options());
  EXPECT_FALSE(reporter.is_on());
  reporter.seen(outcome());
  EXPECT_TRUE(reporter.preview(kToday).empty());
}

TEST_F(TlsReporterTest, TheDayIsToldBehindItsEndAndTheDelay) {
  TlsReporter reporter(options());
  reporter.seen(outcome());
  *clock_ = 86'400 + 3600 - 1;
  reporter.seen(outcome());  // of the next day
  EXPECT_EQ(outbox_->count(), 0U);
  *clock_ = 86'400 + 3600;
  ASSERT_TRUE(outbox_->wait_for(1));
  EXPECT_EQ(outbox_->letters[0].to, "reports@example.com");
  EXPECT_NE(outbox_->letters[0].octets.find("From: <tls@company.ru>\r\n"), std::string::npos);
  EXPECT_NE(outbox_->letters[0].octets.find("!1795910400!1795996799!"), std::string::npos);
  EXPECT_EQ(reporter.preview(kToday + std::chrono::days(1)).size(), 1U);
}

TEST_F(TlsReporterTest, ARestartForgetsNothing) {
  TlsReporter::Options slow = options();
  slow.look = 1h;
  {
    TlsReporter reporter(slow);
    reporter.seen(outcome());
    reporter.stop();
    reporter.seen(outcome());  // deliveries end later than it does
  }
  TlsReporter reporter(slow);
  const Json report = Json::parse(reporter.preview(kToday).at(0));
  EXPECT_EQ(report["policies"][0]["summary"]["total-successful-session-count"], 2);
}

TEST_F(TlsReporterTest, SendNowTellsHowItWent) {
  TlsReporter reporter(options());
  reporter.seen(outcome());
  reporter.seen(outcome(tls::Failure::none, "other.example"));
  const TlsReporter::Sent sent = reporter.send_now(kToday);
  EXPECT_EQ(sent.reports, 1U);
  EXPECT_EQ(sent.unwanted, 1U);
  EXPECT_EQ(sent.failed, 0U);
  EXPECT_EQ(outbox_->count(), 1U);
  EXPECT_TRUE(reporter.preview(kToday).empty());
}

TEST_F(TlsReporterTest, WhatNobodyTookIsKept) {
  TlsReporter reporter(options());
  reporter.seen(outcome());
  outbox_->takes = false;
  EXPECT_EQ(reporter.send_now(kToday).failed, 1U);
  *broken_ = true;
  EXPECT_EQ(reporter.send_now(kToday).failed, 1U);
  EXPECT_EQ(reporter.preview(kToday).size(), 1U);
  *broken_ = false;
  outbox_->takes = true;
  EXPECT_EQ(reporter.send_now(kToday).reports, 1U);
}

TEST_F(TlsReporterTest, ItsEndBreaksOffWhoSendsAndLosesNothing) {
  TlsReporter::Options silent = options();
  silent.send = [outbox = outbox_](TlsReporter::Letter letter, std::function<void(bool)>) {
    outbox->take(std::move(letter));  // whether it is safe is never told
  };
  {
    TlsReporter reporter(silent);
    reporter.seen(outcome());
    std::future<TlsReporter::Sent> sent =
        std::async(std::launch::async, [&reporter] { return reporter.send_now(kToday); });
    EXPECT_TRUE(outbox_->wait_for(1));
    reporter.stop();
    EXPECT_TRUE(sent.get().broken_off);
    EXPECT_TRUE(reporter.send_now(kToday).broken_off);
  }
  TlsReporter reporter(silent);
  EXPECT_EQ(reporter.preview(kToday).size(), 1U);
}

TEST_F(TlsReporterTest, AfterTwoDaysItIsGivenUp) {
  TlsReporter reporter(options());
  reporter.seen(outcome());
  *broken_ = true;
  *clock_ = 3 * 86'400;
  while (!reporter.preview(kToday).empty())
    std::this_thread::yield();
  EXPECT_EQ(outbox_->count(), 0U);
}

}  // namespace
}  // namespace postern::gateway
