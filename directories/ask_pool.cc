// SPDX-License-Identifier: Apache-2.0
#include "directories/ask_pool.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

namespace postern::directories {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;

/// Threads that end by themselves. Whoever drops a pool (an io thread, with the last session of an
/// old config) must not wait for a server that does not answer.
class Leftovers {
 public:
  static Leftovers& instance() {
    static Leftovers all;
    return all;
  }
  ~Leftovers() { join(); }

  void take(std::vector<std::thread> threads) {
    const std::lock_guard lock(mutex_);
    for (std::thread& thread : threads)
      threads_.push_back(std::move(thread));
  }

  void join() {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads)
      thread.join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

}  // namespace

struct AskPool::State {
  struct Question {
    smtp::Mailbox address;
    Done done;
    net::TimePoint until;
  };

  State(SourceFactory factory, Options how) : make(std::move(factory)), options(std::move(how)) {}

  DirectoryAnswer refusal(std::string_view why) const {
    return {Presence::unavailable, fmt::format("{}: {}", options.name, why)};
  }

  const SourceFactory make;
  const Options options;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Question> queue;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  bool stopping = false;
};

AskPool::AskPool(SourceFactory make, Options options)
    : state_(std::make_shared<State>(std::move(make), std::move(options))) {
  Leftovers::instance();  // is there before any thread, and gone behind all of them
}

AskPool::~AskPool() {
  std::deque<State::Question> dropped;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->queue);
    threads.swap(state_->threads);
  }
  state_->wake.notify_all();
  Leftovers::instance().take(std::move(threads));
  for (const State::Question& question : dropped)
    question.done(state_->refusal("no more questions are asked with this config"));
}

void AskPool::ask(smtp::Mailbox address, net::Executor /*io*/, Done done) {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    if (state.queue.size() < state.options.waiting) {
      state.queue.push_back(State::Question{
          std::move(address), std::move(done), net::Clock::now() + state.options.limit});
      const bool wanted = state.idle < state.queue.size();
      if (wanted && state.threads.size() < state.options.threads) {
        state.threads.emplace_back([shared = state_] { run(shared); });
      }
      state.wake.notify_one();
      return;
    }
  }
  done(state.refusal(fmt::format("{} questions wait already", state.options.waiting)));
}

void AskPool::run(const std::shared_ptr<State>& state) {
  std::unique_ptr<Source> source = state->make();
  for (;;) {
    State::Question question;
    {
      std::unique_lock lock(state->mutex);
      ++state->idle;
      state->wake.wait(lock, [&state] { return state->stopping || !state->queue.empty(); });
      --state->idle;
      if (state->stopping) return;
      question = std::move(state->queue.front());
      state->queue.pop_front();
    }
    if (net::Clock::now() >= question.until) {
      question.done(state->refusal("no connection was free in time"));
      continue;
    }
    DirectoryAnswer answer;
    try {
      answer = source->look_up(question.address);
    } catch (const std::exception& error) {
      answer = state->refusal(error.what());
      source = state->make();
    }
    question.done(std::move(answer));
  }
}

void join_leftover_threads() {
  Leftovers::instance().join();
}

}  // namespace postern::directories
