// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace postern::gateway {

/// The way back to one client of the control socket: lines of JSON, sent in large pieces. One
/// thread, which may block for as long as a client is slow (up to the socket's send timeout);
/// cancel() is any thread's.
class ControlSink {
 public:
  /// A connected socket in blocking mode, which it closes at its end.
  explicit ControlSink(int fd) : fd_(fd) {}
  ~ControlSink();
  ControlSink(const ControlSink&) = delete;
  ControlSink& operator=(const ControlSink&) = delete;

  void line(const nlohmann::ordered_json& object);
  /// The last line: `object` with "done": true. Nothing may follow.
  void done(nlohmann::ordered_json object);
  /// The last line when nothing, or not all, was done: {"done": true, "error": ...}.
  void refuse(std::string_view why);
  /// Nobody listens (any more): what is left to do may be left.
  bool is_over() const { return over_.load(std::memory_order_relaxed); }
  /// Makes it over, also in the middle of a write.
  void cancel();

 private:
  void flush();

  const int fd_;
  std::string pending_;
  std::atomic<bool> over_{false};
};

}  // namespace postern::gateway
