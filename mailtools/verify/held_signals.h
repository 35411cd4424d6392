// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <csignal>

namespace postern::verify {

/// While it lives SIGINT and SIGTERM end nothing in this thread, and wait for pause(); those that
/// are ignored stay so.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(HeldSignals&&) = delete;

  /// Sleeps. True: at once, since one of the signals has come.
  bool pause(std::chrono::milliseconds time) const;

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace postern::verify
