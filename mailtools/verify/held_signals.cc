// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/held_signals.h"

#include <ctime>

namespace postern::verify {

HeldSignals::HeldSignals() {
  sigemptyset(&held_);
  for (const int one : {SIGINT, SIGTERM}) {
    struct sigaction now {};
    ::sigaction(one, nullptr, &now);
    if (now.sa_handler != SIG_IGN) sigaddset(&held_, one);
  }
  pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

HeldSignals::~HeldSignals() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool HeldSignals::pause(std::chrono::milliseconds time) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const timespec limit{static_cast<time_t>(seconds.count()),
                       static_cast<long>(std::chrono::nanoseconds(time - seconds).count())};
  return ::sigtimedwait(&held_, nullptr, &limit) > 0;
}

}  // namespace postern::verify
