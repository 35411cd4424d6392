// SPDX-License-Identifier: Apache-2.0
#include "auth/check_pool.h"

#include <utility>

namespace postern::auth {

CheckPool::~CheckPool() {
  std::deque<Job> dropped;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  dropped.clear();
  for (std::thread& thread : threads)
    thread.join();
}

bool CheckPool::submit(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= options_.waiting) return false;
  queue_.push_back(std::move(job));
  const bool wanted = idle_ < queue_.size();
  if (wanted && threads_.size() < options_.threads) threads_.emplace_back([this] { run(); });
  wake_.notify_one();
  return true;
}

void CheckPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    {
      const Job job = std::exchange(queue_.front(), {});
      queue_.pop_front();
      lock.unlock();
      job();
    }  // what it held goes without the lock
    lock.lock();
  }
}

}  // namespace postern::auth
