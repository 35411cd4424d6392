// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/engine.h"
#include "queue/routing_view.h"
#include "queue/spool/spool.h"

#include <string>

namespace postern::gateway {

/// A letter of the gateway's own, from the null sender: a report that nobody has asked for by mail.
struct OwnLetter {
  std::string identity;  ///< whom the rules take it for: they let it go anywhere (R2)
  std::string to;        ///< a mailbox
  std::string octets;    ///< header block and body, CRLF line ends
};

/// Puts it into the queue, on its way as the rules say for mail that may go anywhere (R2). True:
/// it is stored, or delivered already. On the engine's thread.
net::Awaitable<bool> submit(spool::Spool& spool,
                            queue::Engine& engine,
                            queue::RoutingView view,
                            OwnLetter letter);

}  // namespace postern::gateway
