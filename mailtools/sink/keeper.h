// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/letter_text.h"
#include "mailtools/sink/sink.h"

#include <atomic>
#include <cstdio>
#include <deque>
#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// Private to mailtools/sink.

namespace postern::sink {

/// What becomes of letters that were taken.
struct KeepOptions {
  std::string maildir;   ///< a folder, made where it is not there; empty: none
  std::string jsonl;     ///< a file that is appended to, "-" for `out`; empty: none
  bool content = false;  ///< the octets in the JSON too, up to kMostContent a letter
  bool lines = false;    ///< a line a letter, to `out`
  bool last = false;     ///< the JSON of the last kLast letters is kept, for last()
  std::string hostname;  ///< for the names of files
  /// Called once, by whichever thread is told EPIPE: nobody reads `out` any more.
  std::function<void()> gone;
};

/// Keeps letters. Outlives its sink; any thread.
class Keeper final : public Observer {
 public:
  /// `out` outlives it, and is written to by it alone. What cannot be made or written is the error.
  static Result<std::unique_ptr<Keeper>, SinkError> open(KeepOptions options, std::ostream& out);
  ~Keeper() override;
  Keeper(Keeper&&) = delete;

  std::unique_ptr<Writer> keep(const Taken& begun) override;
  bool taken(const Taken& letter) override;
  void counted(std::uint64_t messages) override;

  /// The newest at the end, `most` at most.
  std::vector<std::string> last(std::size_t most) const;
  static constexpr std::size_t kLast = 100;
  static constexpr std::size_t kMostContent = std::size_t{64} << 20;

  /// `call`, once, when so many letters are counted: on the thread of the sink that took the last
  /// of them, or on this one where there are as many already. A number for forget().
  std::uint64_t when_counted(std::uint64_t messages, std::function<void()> call);
  void forget(std::uint64_t waiter);

  /// To `out`, at once and whole. False: it could not be written.
  bool print(const std::string& text);

  /// The first letter that could not be kept, or the first text that could not be printed, and why;
  /// empty: all were.
  std::string failure() const;

 private:
  Keeper(KeepOptions options, std::ostream& out) : options_(std::move(options)), out_(out) {}
  void fail(const std::string& why);
  std::string put(const std::string& json, const std::string& line);
  std::string put_out(const std::string& text);

  struct Waiter {
    std::uint64_t number;
    std::uint64_t messages;
    std::function<void()> call;
  };
  void call_waiters();

  const KeepOptions options_;
  std::ostream& out_;
  std::FILE* file_ = nullptr;             ///< of options_.jsonl; owned
  std::atomic<std::uint64_t> number_{0};  ///< of the last letter that came
  std::atomic<std::uint64_t> counted_{0};
  std::atomic<bool> has_waiters_{false};
  mutable std::mutex mutex_;
  std::deque<std::string> last_;  ///< these under mutex_
  std::vector<Waiter> waiters_;
  std::uint64_t last_waiter_ = 0;
  std::string failure_;
  bool gone_ = false;  ///< options_.gone was called
};

}  // namespace postern::sink
