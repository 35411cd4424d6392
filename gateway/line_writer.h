// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/sinks/sink.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::gateway {

/// The log's one writer: a thread that formats and writes what others have logged, many lines in
/// one write. It is woken for a line while few come; after kPrompt writes within kPause lines wait
/// for each other until it is over, unless they are warnings or many: a busy gateway does not wake
/// a thread for each line, which costs as much as the line. Bounded: beyond kOctets who logs waits,
/// since a line that says where a letter went is not dropped. A process that ends without stop() (a
/// crash, SIGKILL, no memory) takes what waits with it: lines of kPause and of the write under way,
/// kOctets of each at most. Any thread may log; made and stopped by one.
class LineWriter final : public spdlog::sinks::sink {
 public:
  static constexpr std::chrono::milliseconds kPause{10};
  static constexpr unsigned kPrompt = 4;
  static constexpr std::size_t kOctets = std::size_t{4} << 20;  ///< that may wait
  static constexpr std::size_t kMany = std::size_t{64} << 10;   ///< octets that do not wait

  /// Writes whole lines and throws spdlog_ex where that fails; the lines are then lost,
  /// postern_log_lines_lost_total counts them and standard error says so, once a second at most.
  /// Called on the writer's thread.
  using Output = std::function<void(const spdlog::memory_buf_t& lines)>;

  LineWriter(std::unique_ptr<spdlog::formatter> formatter, Output output);
  ~LineWriter() override;
  LineWriter(LineWriter&&) = delete;

  void log(const spdlog::details::log_msg& message) override;
  /// Returns when everything that was logged before is written.
  void flush() override;
  void set_pattern(const std::string& pattern) override;
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override;
  /// Writes what is left and ends the thread; what is logged later is dropped.
  void stop();

 private:
  struct Line {
    spdlog::log_clock::time_point time;
    spdlog::level::level_enum level;
    std::size_t octets;  ///< of Lines::text
  };
  /// One behind the other, so that a line costs no allocation.
  struct Lines {
    std::vector<Line> lines;
    std::string text;
    void clear() {
      lines.clear();
      text.clear();
    }
  };

  void run();
  void write(const Lines& taken);
  void pause(std::unique_lock<std::mutex>& lock);

  const Output output_;
  std::mutex formatter_mutex_;
  std::unique_ptr<spdlog::formatter> formatter_;

  std::mutex mutex_;
  std::condition_variable work_;  ///< for the writer
  std::condition_variable done_;  ///< for who waits for room, or for flush()
  Lines waiting_;
  std::uint64_t logged_ = 0;
  std::uint64_t written_ = 0;
  bool asleep_ = false;  ///< until a line comes
  bool hurry_ = false;   ///< no pause
  bool stopping_ = false;

  // The writer's own.
  std::chrono::steady_clock::time_point complained_{};
  std::chrono::steady_clock::time_point window_{};  ///< begin of the kPause that writes count in
  unsigned in_window_ = 0;
  std::thread thread_;  // last: it uses the others
};

}  // namespace postern::gateway
