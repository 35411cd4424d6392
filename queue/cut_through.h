// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/verdict.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "tls/stream.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::queue {

class HopPool;  // queue/hop_pool.h

/// What the log says of a delivery: which server took it or refused it.
struct HopReport {
  std::string host;              ///< "10.0.0.5:25"
  std::optional<tls::Info> tls;  ///< as the connection is
  bool chunking = false;         ///< BDAT was used
  bool reused = false;           ///< on a kept connection
  smtp::Reply reply;             ///< the last one that mattered
};

/// One message on its way through to one target, with no store: every reply is the next hop's own,
/// and finish() returns its answer to the whole message, so that R15 holds without a disk. One
/// owner (the message's transaction), one thread, one call at a time. Destroying it before finish()
/// undoes what was begun: RSET before the message, a closed connection within it.
class CutThrough {
 public:
  CutThrough(HopPool& pool, const routing::Target& target, smtp::Sender sender);
  ~CutThrough();
  CutThrough(CutThrough&&) = delete;

  /// The first call connects (or reuses), says MAIL, and RCPT in the same write; later calls say
  /// RCPT. The reply is the next hop's to RCPT (or to MAIL when that was refused), text and code
  /// kept; unreachable: 451 4.4.1; a feature that the message needs and the hop lacks: 550 5.6.7
  /// (SMTPUTF8), 554 5.6.3 (BINARYMIME).
  net::Awaitable<smtp::Reply> recipient(const smtp::Recipient& recipient);
  /// DATA (until its 354) or, with CHUNKING, nothing yet.
  net::Awaitable<smtp::Reply> begin();
  /// Sends the octets on; ends when the peer has taken them. False: the hop failed, finish() tells
  /// how.
  net::Awaitable<bool> write(std::string_view octets);
  /// The end of the message; the next hop's reply, or 451 4.4.2 when the connection was lost.
  net::Awaitable<smtp::Reply> finish();

  const HopReport& report() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::queue
