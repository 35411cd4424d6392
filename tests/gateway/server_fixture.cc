// SPDX-License-Identifier: Apache-2.0
#include "server_fixture.h"

#include "gateway/config.h"
#include "tests/dns/zone_resolver.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <thread>

namespace postern::gateway {
namespace {

test::ExchangeHabits at(const char* address, const std::vector<std::string>& lacks = {}) {
  test::ExchangeHabits habits;
  habits.address = address;
  habits.domains = {"company.ru", "tech.company.ru"};
  for (const std::string& capability : lacks)
    habits.withdraw(capability);
  return habits;
}

}  // namespace

/// The letter log as a list.
struct ServerTest::Lines final : spdlog::sinks::base_sink<std::mutex> {
  std::vector<std::string> all() {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    lines_.emplace_back(line.payload.begin(), line.payload.end());
  }
  void flush_() override {}

 private:
  std::vector<std::string> lines_;
};

ServerTest::ServerTest(const std::vector<std::string>& v_lacks)
    : x(at("127.0.0.5")),
      v(at("127.0.0.10", v_lacks)),
      lines_(std::make_shared<Lines>()),
      log_(std::make_shared<spdlog::logger>("test", lines_), LogFormat::text) {
  // The process's own log is of no interest here, and its library's locks are unknown to
  // ThreadSanitizer.
  spdlog::set_level(spdlog::level::off);
}

ServerTest::~ServerTest() {
  if (server_) server_->stop();
  join();
}

std::shared_ptr<const Snapshot> ServerTest::snapshot() const {
  const std::string text = fmt::format(
      R"(hostname = "gw.company.ru"
{}
[[listener]]
name = "mx"
bind = "127.0.0.1:0"
role = "mx"
delivery = "{}"
{}
[[listener]]
name = "exchange"
bind = "127.0.0.1:0"
role = "mx"
delivery = "cut_through"
from = "exchange"
[[next_hop]]
name = "exchange"
hosts = ["127.0.0.5:{}"]
behaves = "exchange"
{}
[[next_hop]]
name = "vk"
hosts = ["127.0.0.10:{}"]
behaves = "vk_workspace"
{}
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
{}
[routing]
trace_key = "0123456789abcdef0123456789abcdef"
{}
{}
)",
      setup.before +
          (setup.data_dir.empty() ? "" : fmt::format("\ndata_dir = \"{}\"", setup.data_dir)),
      setup.delivery,
      setup.listener,
      x.port(),
      setup.next_hop_keys,
      v.port(),
      setup.next_hop_keys,
      setup.domain_keys,
      setup.route_to_x ? "[[route]]\ndomains = [\"company.ru\"]\nvia = "
                         "\"exchange\"\n" +
                             setup.route
                       : "",
      setup.after);
  LoadResult loaded = parse_config(text, "test.toml", Environment{});
  for (const Finding& finding : loaded.findings) {
    if (finding.severity == Severity::error) ADD_FAILURE() << format_text(finding);
  }
  Snapshot::Options options;
  options.settle = setup.settle;
  auto built = Snapshot::build(std::move(loaded.config.value()), std::move(options));
  if (built.has_error()) {
    for (const Finding& finding : built.error())
      ADD_FAILURE() << format_text(finding);
  }
  return *built;
}

void ServerTest::start() {
  Server::Options options;
  options.threads = 2;
  options.grace = setup.grace;
  if (setup.spool) {
    options.spool = std::move(setup.spool);
  } else if (setup.data_dir.empty()) {
    options.spool = spool::Spool::in_memory();
  }
  options.resolver = [](const net::Executor&) {
    return std::unique_ptr<dns::Resolver>(std::make_unique<test::ZoneResolver>(""));
  };
  options.control = setup.control;
  options.watch = setup.watch;
  const std::shared_ptr<const Snapshot> first = snapshot();
  served_ = first;
  server_ = std::make_unique<Server>(first, log_, std::move(options));
  const Result<void, BindError> bound = server_->bind();
  ASSERT_TRUE(bound.has_value()) << bound.error().message;
  thread_ = std::thread([this] { server_->run(); });
}

spool::Ledger ServerTest::wait_for_queue(std::int64_t messages) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  spool::Ledger ledger = spool().stats().ledger;
  while (ledger.messages != messages) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << ledger.messages << " messages are queued, not " << messages;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ledger = spool().stats().ledger;
  }
  return ledger;
}

void ServerTest::wait_for_line(const std::string& part) const {
  const auto has_part = [&part](const std::string& line) {
    return line.find(part) != std::string::npos;
  };
  for (;;) {
    const std::vector<std::string> lines = log_lines();
    if (std::any_of(lines.begin(), lines.end(), has_part)) return;
    std::this_thread::yield();
  }
}

std::vector<std::string> ServerTest::log_lines() const {
  return lines_->all();
}

void ServerTest::reload() {
  EXPECT_TRUE(server_->reload(snapshot()).empty());
}

void ServerTest::join() {
  if (thread_.joinable()) thread_.join();
}

std::uint16_t ServerTest::port(const std::string& listener) const {
  for (const Server::Bound& bound : server_->bound()) {
    if (bound.name == listener) return bound.endpoint.port();
  }
  ADD_FAILURE() << "no listener " << listener;
  return 0;
}

test::ExchangeClient ServerTest::client(test::ExchangeClientHabits habits) const {
  return test::ExchangeClient("127.0.0.1", port(), std::move(habits));
}

}  // namespace postern::gateway
