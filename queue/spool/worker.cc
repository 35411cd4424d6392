// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/worker.h"

namespace postern::spool {

Worker::Worker() : thread_(&Worker::run, this) {}

Worker::~Worker() {
  stop();
}

void Worker::post(Task task) {
  bool stopped = false;
  {
    const std::scoped_lock lock(mutex_);
    stopped = stopping_;
    if (!stopped) tasks_.push_back(std::move(task));
  }
  if (stopped) {
    task();
  } else {
    wake_.notify_one();
  }
}

void Worker::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace postern::spool
