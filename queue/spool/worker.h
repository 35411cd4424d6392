// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/callback.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace postern::spool {

/// A thread that does what it is given, in order: where calls that block on the disk go.
class Worker {
 public:
  using Task = Callback<void()>;

  Worker();
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Any thread. After stop() the caller does it itself, at once.
  void post(Task task);
  /// Does what was posted, then ends. Once, not from a task.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace postern::spool
