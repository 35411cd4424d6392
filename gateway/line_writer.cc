// SPDX-License-Identifier: Apache-2.0
#include "gateway/line_writer.h"

#include "base/metrics.h"

#include <spdlog/pattern_formatter.h>

#include <cstdio>
#include <utility>

namespace postern::gateway {
namespace {

constexpr std::chrono::seconds kComplaints{1};

}  // namespace

LineWriter::LineWriter(std::unique_ptr<spdlog::formatter> formatter, Output output)
    : output_(std::move(output)),
      formatter_(std::move(formatter)),
      thread_(&LineWriter::run, this) {}

LineWriter::~LineWriter() {
  stop();
}

void LineWriter::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  done_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LineWriter::log(const spdlog::details::log_msg& message) {
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return stopping_ || waiting_.text.size() < kOctets; });
    if (stopping_) return;
    waiting_.text.append(message.payload.data(), message.payload.size());
    waiting_.lines.push_back({message.time, message.level, message.payload.size()});
    ++logged_;
    wake = std::exchange(asleep_, false);
    const bool urgent = message.level >= spdlog::level::warn || waiting_.text.size() >= kMany;
    if (urgent && !std::exchange(hurry_, true)) wake = true;
  }
  if (wake) work_.notify_one();
}

void LineWriter::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t all = logged_;
  if (written_ >= all) return;
  hurry_ = true;
  work_.notify_one();
  done_.wait(lock, [this, all] { return written_ >= all; });
}

void LineWriter::set_pattern(const std::string& pattern) {
  set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern));
}

void LineWriter::set_formatter(std::unique_ptr<spdlog::formatter> formatter) {
  const std::scoped_lock lock(formatter_mutex_);
  formatter_ = std::move(formatter);
}

void LineWriter::run() {
  Lines taken;
  std::unique_lock lock(mutex_);
  for (;;) {
    asleep_ = true;
    work_.wait(lock, [this] { return stopping_ || !waiting_.lines.empty(); });
    asleep_ = false;
    if (waiting_.lines.empty()) return;
    hurry_ = false;
    std::swap(taken, waiting_);
    lock.unlock();
    write(taken);
    const std::size_t lines = taken.lines.size();
    taken.clear();
    lock.lock();
    written_ += lines;
    done_.notify_all();
    pause(lock);
  }
}

void LineWriter::pause(std::unique_lock<std::mutex>& lock) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= window_ + kPause) {
    window_ = now;
    in_window_ = 0;
  }
  if (++in_window_ < kPrompt) return;
  work_.wait_until(lock, window_ + kPause, [this] { return stopping_ || hurry_; });
}

void LineWriter::write(const Lines& taken) {
  spdlog::memory_buf_t out;
  std::size_t begin = 0;
  try {
    {
      const std::scoped_lock lock(formatter_mutex_);
      for (const Line& line : taken.lines) {
        const spdlog::string_view_t payload(taken.text.data() + begin, line.octets);
        begin += line.octets;
        formatter_->format(spdlog::details::log_msg(line.time, {}, "postern", line.level, payload),
                           out);
      }
    }
    output_(out);
  } catch (const std::exception& e) {
    metrics::counter("postern_log_lines_lost_total").add(taken.lines.size());
    const auto now = std::chrono::steady_clock::now();
    if (now - complained_ < kComplaints) return;
    complained_ = now;
    std::fprintf(stderr, "%zu lines of the log are lost: %s\n", taken.lines.size(), e.what());
  }
}

}  // namespace postern::gateway
