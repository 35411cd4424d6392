// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace postern::routing::testing {

/// A policy server that does what a test says, over blocking sockets and threads of its own; it
/// shares no code with what is tested.
class PolicyPeer {
 public:
  using Question = std::map<std::string, std::string>;
  /// What a question gets: octets, and whether the connection ends behind them.
  struct Answer {
    std::string octets;
    bool closes = false;
  };

  /// `unix_path`: empty for a port of 127.0.0.1.
  explicit PolicyPeer(std::string unix_path = {});
  ~PolicyPeer();
  PolicyPeer(PolicyPeer&&) = delete;

  /// As `policy.server` has it.
  std::string server() const;
  /// Closes every connection and listens no more; start() listens at the same place again.
  void stop();
  void start();

  /// Answers in their order; when they are used up: DUNNO.
  void next(const std::string& action) { next(Answer{"action=" + action + "\n\n"}); }
  void next(Answer answer);
  /// No answer is given until release(), while questions are still read.
  void hold();
  void release();

  std::vector<Question> questions() const;
  void wait_for_questions(std::size_t count) const;
  std::size_t connections() const { return connections_.load(); }  ///< so far

 private:
  void accept_all(int listener);
  void serve(int descriptor);
  bool read_question(int descriptor, std::string& input, Question& out) const;

  const std::string path_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Answer> answers_;
  std::vector<Question> questions_;
  std::set<int> open_;
  bool held_ = false;
  bool stopping_ = false;
  std::atomic<std::size_t> connections_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

}  // namespace postern::routing::testing
