// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/server.h"
#include "support/exchange_client.h"
#include "support/exchange_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace postern::gateway {

/// The whole gateway in the test's process, between servers with Exchange's habits: X at 127.0.0.5,
/// V at 127.0.0.10. A client at 127.0.0.1 is a stranger, who may write to company.ru and its alias.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : ServerTest(std::vector<std::string>()) {}
  /// V offers all that Exchange does but these extensions.
  explicit ServerTest(const std::vector<std::string>& v_lacks);
  ~ServerTest() override;

  /// The config that start() and reload() use; tests change it before.
  struct Setup {
    std::string delivery = "cut_through";
    std::string before;         ///< top-level keys
    std::string listener;       ///< more keys of the listener "mx"
    std::string next_hop_keys;  ///< more keys of both next hops
    std::string domain_keys;    ///< more keys of company.ru
    std::string data_dir;       ///< the spool is there, and outlives the server; empty: in memory
    std::string after;          ///< more tables
    std::string control;        ///< path of the control socket; empty: there is none
    bool route_to_x = true;
    std::string route;                    ///< more keys of that route
    std::unique_ptr<spool::Spool> spool;  ///< for the next start(); null: as data_dir says
    std::chrono::seconds grace{30};       ///< of a stop
    /// How often changed files are looked for, and how long they must have been left alone.
    std::chrono::milliseconds watch{1000};
    std::chrono::milliseconds settle{1000};
  };
  Setup setup;

  void start();
  void reload();
  void stop() { server_->stop(); }
  void stop_now() { server_->stop_now(); }
  /// What a stopped gateway left in the spool waits for the next start().
  spool::Spool& spool() { return server_->spool(); }
  /// Waits until the spool holds this many messages.
  spool::Ledger wait_for_queue(std::int64_t messages);
  /// Lines of the letter log so far.
  std::vector<std::string> log_lines() const;
  /// Waits for a line with `part`: a recipient's line comes a moment after it has left the queue.
  void wait_for_line(const std::string& part) const;
  /// Waits for run() to return.
  void join();
  /// Once it is joined.
  void destroy() { server_.reset(); }
  /// What start() has begun with, for as long as anything uses it.
  std::weak_ptr<const Snapshot> served() const { return served_; }
  std::uint16_t port(const std::string& listener = "mx") const;
  /// A client at 127.0.0.1.
  test::ExchangeClient client(test::ExchangeClientHabits habits = {}) const;

  test::ExchangeServer x;
  test::ExchangeServer v;

 private:
  std::shared_ptr<const Snapshot> snapshot() const;

  struct Lines;
  std::shared_ptr<Lines> lines_;
  LetterLog log_;
  std::weak_ptr<const Snapshot> served_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace postern::gateway
