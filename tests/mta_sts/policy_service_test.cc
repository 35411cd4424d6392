// SPDX-License-Identifier: Apache-2.0
// Policies of domains: asked for once, kept, renewed, and in force when nobody can be asked.
#include "mta_sts/policy_service.h"

#include "support/folder.h"
#include "support/web_server.h"
#include "tests/dns/run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

namespace postern::mta_sts {
namespace {

using namespace std::chrono_literals;
using Kind = Verdict::Kind;
using test::http_response;

constexpr const char* kFile = "mta-sts.example.com /.well-known/mta-sts.txt";

/// What DNS says, for the thread of the service; changed by the test.
struct Zone {
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> texts;
  dns::Status status = dns::Status::ok;
  std::size_t asked = 0;

  void set(const std::string& name, std::vector<std::string> strings) {
    const std::lock_guard lock(mutex);
    texts[name] = std::move(strings);
  }
  void fail(dns::Status with) {
    const std::lock_guard lock(mutex);
    status = with;
  }
  std::size_t questions() {
    const std::lock_guard lock(mutex);
    return asked;
  }
};

class FakeResolver : public dns::Resolver {
 public:
  explicit FakeResolver(std::shared_ptr<Zone> zone) : zone_(std::move(zone)) {}
  net::Awaitable<dns::MxAnswer> mx(std::string) override { co_return dns::MxAnswer{}; }
  net::Awaitable<dns::AddressAnswer> addresses(std::string host) override {
    dns::AddressAnswer out;
    if (host.starts_with("mta-sts.")) {
      out.addresses = {boost::asio::ip::address_v4::loopback()};
    } else {
      out.status = dns::Status::nx_domain;
    }
    co_return out;
  }
  net::Awaitable<dns::TextAnswer> txt(std::string name) override {
    const std::lock_guard lock(zone_->mutex);
    ++zone_->asked;
    dns::TextAnswer out;
    out.status = zone_->status;
    out.ttl = 300s;
    const auto at = zone_->texts.find(name);
    if (out.status == dns::Status::ok && at == zone_->texts.end())
      out.status = dns::Status::nx_domain;
    if (out.status == dns::Status::ok) out.texts = at->second;
    co_return out;
  }

 private:
  std::shared_ptr<Zone> zone_;
};

class PolicyServiceTest : public testing::Test {
 protected:
  PolicyServiceTest() { announce("1"); }

  PolicyService::Options options() const {
    PolicyService::Options out;
    out.folder = folder_.path() + "/sts";
    out.https.ca = ca_.certificate();
    out.https.limit = 5s;
    out.port = web_.port();
    out.resolver = [zone = zone_](net::Executor) { return std::make_unique<FakeResolver>(zone); };
    out.now = [clock = clock_] { return WallTime(std::chrono::seconds(clock->load())); };
    out.sweep = 2ms;
    return out;
  }
  void announce(const std::string& id) {
    zone_->set("_mta-sts.example.com", {"v=STSv1; id=" + id});
  }
  void publish(const std::string& mode, const std::string& mx, const std::string& age = "86400") {
    web_.answer(kFile,
                http_response(
                    "200 OK",
                    "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: " + age + "\n"));
  }
  Verdict ask(PolicyService& service, const std::string& domain = "example.com") {
    return test::run(io_, service.policy(domain));
  }
  void pass(std::chrono::seconds time) { *clock_ += time.count(); }
  /// Until what goes on beside has come so far.
  template <class Condition>
  static void until(Condition is_so) {
    while (!is_so())
      std::this_thread::yield();
  }

  test::Folder folder_;
  test::TestCa ca_{folder_.path(), "ca"};
  test::WebServer web_{ca_.issue("web", "DNS:mta-sts.example.com")};
  std::shared_ptr<Zone> zone_ = std::make_shared<Zone>();
  std::shared_ptr<std::atomic<std::int64_t>> clock_ =
      std::make_shared<std::atomic<std::int64_t>>(1'796'000'000);
  net::IoContext io_{1};
};

TEST_F(PolicyServiceTest, APolicyIsFetchedOnceAndKept) {
  publish("enforce", "mx.example.com");
  PolicyService service(options());
  EXPECT_EQ(service.known("example.com").kind, Kind::none);
  for (int i = 0; i < 3; ++i) {
    const Verdict verdict = ask(service);
    ASSERT_EQ(verdict.kind, Kind::found) << verdict.detail;
    EXPECT_EQ(verdict.policy.mode, Mode::enforce);
    EXPECT_EQ(verdict.policy.mx, std::vector<std::string>{"mx.example.com"});
    EXPECT_EQ(verdict.id, "1");
  }
  EXPECT_EQ(service.known("Example.COM.").kind, Kind::found);
  EXPECT_EQ(web_.requests().size(), 1U);
  EXPECT_EQ(zone_->questions(), 1U);
}

TEST_F(PolicyServiceTest, ADomainWithoutARecordIsNotAskedByHttps) {
  PolicyService service(options());
  EXPECT_EQ(ask(service, "other.example").kind, Kind::none);
  EXPECT_EQ(ask(service, "other.example").kind, Kind::none);
  EXPECT_EQ(ask(service, "not a name").kind, Kind::none);
  EXPECT_TRUE(web_.requests().empty());
  EXPECT_EQ(zone_->questions(), 1U);
}

TEST_F(PolicyServiceTest, ManyWhoAskAtOnceCauseOneFetch) {
  publish("testing", "mx.example.com");
  PolicyService service(options());
  std::vector<std::shared_ptr<std::optional<Verdict>>> answers;
  for (int i = 0; i < 20; ++i)
    answers.push_back(test::start(io_, service.policy("example.com")));
  for (const auto& answer : answers)
    EXPECT_EQ(test::wait(io_, answer).policy.mode, Mode::testing);
  EXPECT_EQ(web_.requests().size(), 1U);
}

TEST_F(PolicyServiceTest, WhatCannotBeFetchedIsTriedAgainInFiveMinutes) {
  web_.answer(kFile, http_response("500 Broken", ""));
  PolicyService service(options());
  const Verdict first = ask(service);
  EXPECT_EQ(first.kind, Kind::unreachable);
  EXPECT_EQ(first.detail, "the policy cannot be fetched: HTTP status 500");
  publish("enforce", "mx.example.com");
  pass(299s);
  EXPECT_EQ(ask(service).kind, Kind::unreachable);
  EXPECT_EQ(web_.requests().size(), 1U);
  pass(1s);
  EXPECT_EQ(ask(service).detail, first.detail) << "who asks does not wait for the next try";
  until([&] { return ask(service).kind == Kind::found; });
  EXPECT_EQ(web_.requests().size(), 2U);
}

TEST_F(PolicyServiceTest, WhyThereIsNone) {
  const auto kind_of = [this](const std::string& response) {
    web_.answer(kFile, response);
    PolicyService service(options());
    return ask(service).kind;
  };
  EXPECT_EQ(kind_of(http_response("200 OK", "version: STSv1\n")), Kind::invalid);
  EXPECT_EQ(
      kind_of(http_response("200 OK", "version: STSv1\nmode: none\nmax_age: 5\n", "text/html")),
      Kind::invalid);
  EXPECT_EQ(kind_of(http_response("200 OK", std::string(70'000, '\n'))), Kind::invalid);
  EXPECT_EQ(kind_of(http_response("304 Not Modified", "")), Kind::unreachable);
  zone_->set("_mta-sts.sub.example.com", {"v=STSv1; id=1"});
  PolicyService service(options());
  EXPECT_EQ(ask(service, "sub.example.com").kind, Kind::untrusted);
}

TEST_F(PolicyServiceTest, AfterARestartItIsInForceThoughNobodyAnswers) {
  publish("enforce", "mx.example.com");
  {
    PolicyService service(options());
    ASSERT_EQ(ask(service).kind, Kind::found);
  }
  web_.be_down(true);
  zone_->fail(dns::Status::server_failure);
  PolicyService service(options());
  pass(86'399s);
  EXPECT_EQ(ask(service).kind, Kind::found);
  pass(1s);
  EXPECT_EQ(ask(service).kind, Kind::none);
}

TEST_F(PolicyServiceTest, ANewIdBringsTheNewPolicy) {
  publish("enforce", "mx.example.com");
  PolicyService service(options());
  ASSERT_EQ(ask(service).policy.mode, Mode::enforce);
  publish("none", "mx.example.com");
  pass(301s);
  ask(service);  // the record is looked at beside; its id is the same
  // One look-up ends before the next begins: when this is answered, that one is over.
  ask(service, "other.example");
  ASSERT_EQ(zone_->questions(), 3U);
  announce("2");
  pass(301s);
  until([&] { return ask(service).policy.mode == Mode::none; });
  EXPECT_EQ(web_.requests().size(), 2U);
}

TEST_F(PolicyServiceTest, AFailureUnderANewIdLeavesTheOldOneInForce) {
  publish("enforce", "mx.example.com");
  PolicyService service(options());
  ASSERT_EQ(ask(service).kind, Kind::found);
  announce("2");
  web_.answer(kFile, http_response("200 OK", "<html>"));
  pass(301s);
  until([&] { return ask(service).detail == "no valid policy: line 1 is not \"key: value\""; });
  EXPECT_EQ(ask(service).kind, Kind::found);
  EXPECT_EQ(ask(service).policy.mode, Mode::enforce);
}

TEST_F(PolicyServiceTest, WhatIsHalfOverIsRenewedBesides) {
  publish("enforce", "mx.example.com", "7200");
  PolicyService service(options());
  ASSERT_EQ(ask(service).kind, Kind::found);
  publish("enforce", "two.example.com", "7200");
  pass(3600s);
  // Nobody sends mail: the sweep alone sees to it.
  until([&] { return service.known("example.com").policy.mx.front() == "two.example.com"; });
  pass(7199s);
  EXPECT_EQ(service.known("example.com").kind, Kind::found);
}

TEST_F(PolicyServiceTest, OnlySoManyDomainsAreKnown) {
  publish("enforce", "mx.example.com");
  PolicyService::Options small = options();
  small.domains = 8;
  PolicyService service(small);
  ASSERT_EQ(ask(service).kind, Kind::found);
  for (int i = 0; i < 30; ++i)
    ask(service, "d" + std::to_string(i) + ".example");
  EXPECT_EQ(service.known("example.com").kind, Kind::found);  // those without a policy go first
  EXPECT_EQ(web_.requests().size(), 1U);
}

TEST_F(PolicyServiceTest, ItsEndTellsThoseWhoWait) {
  web_.answer(kFile, "");
  PolicyService service(options());
  const auto answer = test::start(io_, service.policy("example.com"));
  while (web_.requests().empty())
    io_.poll();
  service.stop();
  EXPECT_EQ(test::wait(io_, answer).kind, Kind::none);
  EXPECT_EQ(ask(service).kind, Kind::none);
}

}  // namespace
}  // namespace postern::mta_sts
