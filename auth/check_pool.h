// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace postern::auth {

/// Threads that check passwords, which takes long on purpose or waits for a server: no io thread
/// may. Threads begin when there is work for one more; the queue is bounded. Any thread.
class CheckPool {
 public:
  using Job = std::function<void()>;  ///< must not throw
  struct Options {
    std::size_t threads = 2;    ///< jobs at a time
    std::size_t waiting = 256;  ///< jobs that wait; beyond: refused
  };

  explicit CheckPool(Options options) : options_(options) {}
  /// Drops what waits, and waits for what runs.
  ~CheckPool();
  CheckPool(CheckPool&&) = delete;

  /// False: too many wait; the job is not run.
  bool submit(Job job);

 private:
  void run();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace postern::auth
