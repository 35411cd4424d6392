// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/waiter.h"
#include "routing/directory.h"

#include <memory>

namespace postern::routing {

/// Waits for a directory's answer.
using AnswerWaiter = Waiter<DirectoryAnswer>;

/// Any thread; the first answer counts.
inline void give(const std::shared_ptr<AnswerWaiter::Slot>& slot, const DirectoryAnswer& answer) {
  AnswerWaiter::give(slot, answer);
}

}  // namespace postern::routing
