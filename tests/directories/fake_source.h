// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/asker.h"
#include "directories/source.h"
#include "routing/config.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories::testing {

/// company.ru with its alias tech.company.ru, and plant.ru.
routing::Config two_domains();

smtp::Mailbox mailbox(std::string_view text);

/// Runs a coroutine of a directory to its answer on an io_context of its own.
routing::DirectoryAnswer run(const routing::Directory& directory, std::string_view address);

/// A server with scripted answers, shared by its sources. It may be held: then every question waits
/// until it is let go.
class FakeServer {
 public:
  void knows(std::string address);
  void is_down(bool down);
  void hold();
  void let_go();

  routing::DirectoryAnswer answer(const smtp::Mailbox& address);
  SourceFactory source();

  std::vector<std::string> asked() const;
  /// Returns once so many questions have come (also those that are held).
  void wait_for_questions(std::size_t count) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, bool, std::less<>> known_;
  std::vector<std::string> asked_;
  bool down_ = false;
  bool held_ = false;
};

/// Answers at once, on the thread that asks; or never, while it is silent.
class FakeAsker final : public Asker {
 public:
  explicit FakeAsker(FakeServer& server, const bool* silent = nullptr)
      : server_(server), silent_(silent) {}
  void ask(smtp::Mailbox address, net::Executor /*io*/, Done done) override {
    routing::DirectoryAnswer answer = server_.answer(address);
    if (silent_ == nullptr || !*silent_) done(std::move(answer));
  }

 private:
  FakeServer& server_;
  const bool* silent_;
};

/// A clock that stands until it is moved; copies share it.
template <class Clock>
class ManualClock {
 public:
  typename Clock::time_point operator()() const { return *now_; }
  void advance(std::chrono::milliseconds by) const { *now_ += by; }

 private:
  std::shared_ptr<typename Clock::time_point> now_ =
      std::make_shared<typename Clock::time_point>(std::chrono::hours(1000));
};

}  // namespace postern::directories::testing
