// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace postern::gateway {

/// A thread that reads files for one that must not wait for them: a list may have a million lines,
/// and a file on a server that is gone answers never. One job at a time. Made and used by one
/// thread.
class FileThread {
 public:
  /// Owns what it uses, since it may be left behind (stop()). What it throws is logged.
  using Job = std::function<void()>;

  /// `patience`: how long a stop waits for the job that runs.
  explicit FileThread(std::chrono::milliseconds patience);
  /// Stops.
  ~FileThread();
  FileThread(FileThread&&) = delete;

  /// False: the one before has not ended, or the thread is stopped; the job is dropped.
  bool begin(Job job);
  /// How long the job that runs has been at it; zero: none does.
  std::chrono::steady_clock::duration busy_for() const;
  /// Takes no more jobs. False: one is not done within the patience. It is left behind: it ends
  /// when what it waits for does, or with the process.
  bool stop();

 private:
  struct Shared;

  const std::chrono::milliseconds patience_;
  const std::shared_ptr<Shared> shared_;  ///< with the thread, which may outlive this
  std::thread thread_;
};

}  // namespace postern::gateway
