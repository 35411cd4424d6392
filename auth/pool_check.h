// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/check_pool.h"
#include "auth/password_source.h"
#include "base/net.h"

#include <chrono>
#include <functional>
#include <memory>

namespace postern::auth {

/// What came of a question to a pool.
struct PoolCheck {
  Checked checked;
  bool is_late = false;  ///< it is being asked still, and the verdict goes to `late`
};
/// On a thread of the pool.
using LateVerdict = std::function<void(const Checked&)>;

/// Has a thread of the pool ask the source, and waits for so long. For whoever waits no longer
/// nothing is asked; what had begun by then tells `late`.
net::Awaitable<PoolCheck> check_in_pool(CheckPool& pool,
                                        std::shared_ptr<const PasswordSource> source,
                                        Login login,
                                        std::chrono::milliseconds limit,
                                        LateVerdict late);

}  // namespace postern::auth
