// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_thread.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

namespace postern::gateway {

struct FileThread::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  Job next;           ///< empty: none waits
  bool busy = false;  ///< from begin() to the job's end
  bool stopped = false;
  std::chrono::steady_clock::time_point since;  ///< busy's

  void run();
};

void FileThread::Shared::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return stopped || next; });
    if (!next) return;
    Job job = std::exchange(next, nullptr);
    lock.unlock();
    try {
      job();
    } catch (const std::exception& e) {
      spdlog::error("files that the config names: {}", e.what());
    }
    job = nullptr;  // what it owned goes here, not under the lock
    lock.lock();
    busy = false;
    changed.notify_all();
  }
}

FileThread::FileThread(std::chrono::milliseconds patience)
    : patience_(patience), shared_(std::make_shared<Shared>()) {
  thread_ = std::thread([shared = shared_] { shared->run(); });
}

FileThread::~FileThread() {
  stop();
}

bool FileThread::begin(Job job) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->busy || shared_->stopped) return false;
    shared_->next = std::move(job);
    shared_->busy = true;
    shared_->since = std::chrono::steady_clock::now();
  }
  shared_->changed.notify_all();
  return true;
}

std::chrono::steady_clock::duration FileThread::busy_for() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->busy) return std::chrono::steady_clock::duration::zero();
  return std::chrono::steady_clock::now() - shared_->since;
}

bool FileThread::stop() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopped = true;
  shared_->changed.notify_all();
  const auto is_done = [this] { return !shared_->busy; };
  if (!thread_.joinable()) return is_done();
  const bool ends = shared_->changed.wait_for(lock, patience_, is_done);
  lock.unlock();
  if (ends) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ends;
}

}  // namespace postern::gateway
