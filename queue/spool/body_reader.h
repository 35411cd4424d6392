// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "queue/spool/message.h"
#include "queue/spool/worker.h"

#include <functional>
#include <memory>
#include <vector>

namespace postern::spool {

/// Reads one message's octets in pieces, from memory, the store or its file, wherever they are. One
/// thread, one call at a time; goes before the spool does.
class BodyReader {
 public:
  struct Setup {
    MessagePtr message;
    Store* store = nullptr;
    BodyFiles* files = nullptr;                                   ///< null: there are none
    Worker* worker = nullptr;                                     ///< what blocks is done here
    Worker* writing = nullptr;                                    ///< whoever writes the files
    std::function<void(const MessagePtr&, std::string)> damaged;  ///< told from the worker
    std::size_t piece_octets = 128U << 10;                        ///< of a file
  };
  explicit BodyReader(Setup setup);
  BodyReader(BodyReader&&) = default;

  /// The next piece; null at the end. Errc::damaged: it cannot be read, which for a file may show
  /// only at its last piece (so nothing is final before the end was read); Errc::read_failed.
  net::Awaitable<Result<Chunk>> next();
  std::uint64_t octets() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postern::spool
