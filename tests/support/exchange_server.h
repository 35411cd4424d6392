// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/exchange_habits.h"
#include "support/wire.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::test {

/// A server on loopback with Exchange's habits, for tests: a thread for accepting and one a
/// connection, blocking, written without the project's parsers. All functions may be called by any
/// thread; those that wait give up after 30 s with an exception.
class ExchangeServer {
 public:
  explicit ExchangeServer(ExchangeHabits habits = {});
  ~ExchangeServer();
  ExchangeServer(ExchangeServer&&) = delete;

  std::uint16_t port() const { return port_; }
  const ExchangeHabits& habits() const { return habits_; }

  /// Plans a fault; several for one place happen one after the other.
  void plan(At at, Fault fault);
  /// Lets sessions that a `hold` stopped go on.
  void release();
  void wait_for_held(std::size_t sessions);
  /// Moves the clock of time limits: what has lasted too long is told 421 and closed.
  void advance(std::chrono::seconds span);

  /// Sends a line on every open connection, in plain: what no command asked for.
  void say_unasked(const std::string& line);

  std::vector<Mail> mails() const;
  /// Waits until that many messages were taken.
  std::vector<Mail> wait_for_mails(std::size_t count);
  /// Every command line of all sessions, in the order of arrival.
  std::vector<std::string> commands() const;
  std::size_t count_commands(const std::string& verb) const;
  /// Waits until a command with this verb has come that often.
  void wait_for_command(const std::string& verb, std::size_t count = 1);
  std::size_t connections() const;
  std::size_t open_sessions() const;
  std::size_t most_open() const;
  void wait_for_open_sessions(std::size_t count);

 private:
  friend class ExchangeSession;
  struct Session {
    std::unique_ptr<Wire> wire;
    std::thread thread;
    std::string source;
    std::chrono::seconds born{0};
    std::chrono::seconds last_command{0};
    bool cut = false;
    bool over = false;
  };

  void accept_all();
  void serve(Session& session, std::size_t number);
  void wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& until);

  const ExchangeHabits habits_;
  const SelfSigned certificate_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Below: under mutex_.
  std::list<Session> sessions_;
  std::map<At, std::list<Fault>> faults_;
  std::vector<Mail> mails_;
  std::vector<std::string> commands_;
  std::chrono::seconds now_{0};
  std::size_t connections_ = 0;
  std::size_t most_open_ = 0;
  std::size_t held_ = 0;
  std::size_t releases_ = 0;
  bool stopping_ = false;
};

}  // namespace postern::test
