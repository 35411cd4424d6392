// SPDX-License-Identifier: Apache-2.0
#include "auth/pool_check.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>

namespace postern::auth {
namespace {

using namespace std::chrono_literals;

/// Knows one password, and where it is told to says nothing until it is let go.
class Slow final : public PasswordSource {
 public:
  Checked check(const Login& login) const override {
    ++asked;
    if (login.name == "slow") {
      begun.set_value();
      let_go.get_future().wait();
    }
    if (login.password != "right") return PasswordVerdict::wrong;
    return {PasswordVerdict::right, "Ann"};
  }
  bool asks_a_server() const override { return true; }

  mutable std::atomic<int> asked{0};
  mutable std::promise<void> begun;
  mutable std::promise<void> let_go;
  std::function<void()> before_the_end;  ///< of a wait; on the io thread
};

class PoolCheckTest : public ::testing::Test {
 protected:
  /// The answer; the coroutine runs to its end.
  PoolCheck ask(const std::string& name,
                const std::string& password,
                std::chrono::milliseconds limit) {
    net::asio::io_context io;
    std::optional<PoolCheck> out;
    const Login login{name, password, {}, true};
    const auto late = [this](const Checked& checked) { late_verdict.set_value(checked.verdict); };
    net::asio::co_spawn(
        io,
        [&]() -> net::Awaitable<void> {
          PoolCheck found = co_await check_in_pool(*pool, source, login, limit, late);
          out = std::move(found);
        },
        net::asio::detached);
    // Runs when the coroutine waits and before its time is up: it was posted before.
    if (source->before_the_end) net::asio::post(io, source->before_the_end);
    io.run();
    return *out;
  }
  ~PoolCheckTest() override { pool.reset(); }

  std::promise<PasswordVerdict> late_verdict;
  std::shared_ptr<Slow> source = std::make_shared<Slow>();
  std::unique_ptr<CheckPool> pool = std::make_unique<CheckPool>(CheckPool::Options{1, 16});
};

TEST_F(PoolCheckTest, GivesTheVerdictAndTheName) {
  const PoolCheck right = ask("ann", "right", 1h);
  EXPECT_EQ(right.checked.verdict, PasswordVerdict::right);
  EXPECT_EQ(right.checked.name, "Ann");
  EXPECT_FALSE(right.is_late);
  EXPECT_EQ(ask("ann", "wrong", 1h).checked.verdict, PasswordVerdict::wrong);
}

TEST_F(PoolCheckTest, AsksForNobodyWhoWaitsNoLonger) {
  std::promise<void> held;
  std::future<void> until = held.get_future();
  EXPECT_TRUE(pool->submit([&until] { until.wait(); }));
  // The only thread is busy: these are given up before they begin.
  for (int i = 0; i < 3; ++i) {
    const PoolCheck gone = ask("ann", "right", 1ms);
    EXPECT_EQ(gone.checked.verdict, PasswordVerdict::unavailable);
    EXPECT_FALSE(gone.is_late);
  }
  held.set_value();
  EXPECT_EQ(ask("bob", "right", 1h).checked.verdict, PasswordVerdict::right);
  EXPECT_EQ(source->asked, 1);
}

TEST_F(PoolCheckTest, TellsThatAPasswordWasLookedAtForNobody) {
  source->before_the_end = [this] { source->begun.get_future().wait(); };
  const PoolCheck late = ask("slow", "right", 0ms);
  EXPECT_EQ(late.checked.verdict, PasswordVerdict::unavailable);
  EXPECT_TRUE(late.is_late);
  source->let_go.set_value();
  EXPECT_EQ(late_verdict.get_future().get(), PasswordVerdict::right);
}

}  // namespace
}  // namespace postern::auth
