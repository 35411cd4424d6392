// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/directory.h"
#include "smtp/address.h"

#include <functional>

namespace postern::directories {

/// Somebody who is asked about one plain address (main domain, folded, no tag rules) and answers
/// later. Thread-safe.
class Asker {
 public:
  /// Called once at most, by any thread, also inside ask().
  using Done = std::function<void(routing::DirectoryAnswer)>;

  virtual ~Asker() = default;
  /// `io`: where a coroutine may run that is needed to ask.
  virtual void ask(smtp::Mailbox address, net::Executor io, Done done) = 0;
};

}  // namespace postern::directories
