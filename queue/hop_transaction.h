// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/verdict.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "tls/stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::queue {

class HopPool;  // queue/hop_pool.h

/// What a transaction tells about the next hop, beside its replies.
enum class HopTrouble : std::uint8_t {
  none,       ///< it answered
  dead,       ///< no host took the session, or it ended before anything was said of the message
  busy,       ///< the hop said so: 421, 4.3.2, or all connections that we may have were in use
  broke_off,  ///< the connection ended within the message
};

/// What the log says of a delivery: which server took it or refused it.
struct HopReport {
  std::string host;              ///< "10.0.0.5:25"
  std::optional<tls::Info> tls;  ///< as the connection is
  bool chunking = false;         ///< BDAT was used
  bool dsn = false;              ///< the hop offers DSN: what was asked for went with the message
  bool reused = false;           ///< on a kept connection
  bool tls_waived = false;       ///< "TLS-Required: No" of the message took the place of the level
  std::string tls_fallback;      ///< why TLS was given up for plain; "" where it was not
  HopTrouble trouble = HopTrouble::none;
  smtp::Reply reply;  ///< the last one that mattered
};

/// What is known of a letter before its octets go out.
struct LetterFacts {
  /// The header says so (RFC 8689); under REQUIRETLS it counts for nothing.
  bool tls_not_required = false;
  /// What it says is not looked for again, in the octets and in what goes in front of them (trace
  /// fields, which are ours).
  smtp::ContentFacts content;
};

/// One mail transaction with one target: finds a host that takes it, says MAIL, RCPT and the
/// message, and gives back what the host said. A message that goes through unstored tells its
/// client just that, so that R15 holds without a disk; the queue settles recipients by it. One
/// owner, one thread, one call at a time. Destroying it before finish() undoes what was begun: RSET
/// before the message, a closed connection within it.
class HopTransaction {
 public:
  HopTransaction(HopPool& pool,
                 const routing::Target& target,
                 smtp::Sender sender,
                 const LetterFacts& facts = {});
  ~HopTransaction();
  HopTransaction(HopTransaction&&) = delete;

  /// The first call connects (or reuses), says MAIL, and RCPT in the same write; later calls say
  /// RCPT. The reply is the next hop's to RCPT (or to MAIL when that was refused), text and code
  /// kept; unreachable: 451 4.4.1; a feature that the message needs and the hop lacks: 550 5.6.7
  /// (SMTPUTF8), 554 5.6.3 (BINARYMIME).
  net::Awaitable<smtp::Reply> recipient(const smtp::Recipient& recipient);
  /// The same for all of them in one group, with DATA behind it where the hop takes that; a reply
  /// each, in their order. The only call before begin().
  net::Awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Recipient> all);
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
