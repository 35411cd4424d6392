// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/asker.h"

#include <memory>

namespace postern::directories {

/// Asks a Directory that answers by coroutine (a callout), which it shares with the questions under
/// way. ask() on the thread that runs `io`.
class DirectoryAsker final : public Asker {
 public:
  explicit DirectoryAsker(std::shared_ptr<const routing::Directory> directory)
      : directory_(std::move(directory)) {}

  void ask(smtp::Mailbox address, net::Executor io, Done done) override;

 private:
  std::shared_ptr<const routing::Directory> directory_;
};

}  // namespace postern::directories
