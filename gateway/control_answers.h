// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/message_id.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace postern::gateway {

/// Waits for what many messages were asked for.
template <class T>
class Answers {
 public:
  /// Messages whose writes are waited for together, so that they share a sync.
  static constexpr std::size_t kMost = 256;
  static constexpr std::chrono::milliseconds kLook{100};
  struct Asked {
    spool::MessageId id;
    const char* result;    ///< to be told when it has come out well
    std::size_t busy = 0;  ///< recipients
  };
  std::shared_ptr<std::promise<T>> expect(Asked asked) {
    auto promise = std::make_shared<std::promise<T>>();
    answers_.emplace_back(asked, promise->get_future());
    return promise;
  }
  bool is_full() const { return answers_.size() >= kMost; }
  /// Calls `take(Asked, T)` for each in turn. A disk that is full answers when there is room again;
  /// once `is_over()`, nobody waits for that.
  template <class Take, class IsOver>
  void collect(const Take& take, const IsOver& is_over) {
    for (auto& [asked, answer] : std::exchange(answers_, {})) {
      while (answer.wait_for(kLook) != std::future_status::ready) {
        if (is_over()) return;
      }
      take(asked, answer.get());
    }
  }

 private:
  std::vector<std::pair<Asked, std::future<T>>> answers_;
};

/// Why a message was not changed, behind its id.
std::string sentence(std::error_code error);

}  // namespace postern::gateway
