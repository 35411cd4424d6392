// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "queue/hop_transaction.h"
#include "queue/outgoing.h"
#include "queue/spool/spool.h"

#include <string>
#include <vector>

namespace postern::queue {

/// What one try has brought: a reply for each recipient of the group, in its order.
struct Attempted {
  std::vector<smtp::Reply> replies;
  HopReport report;
  bool unreadable = false;  ///< the message could not be read from the spool; nothing was delivered
};

/// What our own trace fields may add to a message, for SIZE towards the next hop.
inline constexpr std::uint64_t kAddedOctets = 1024;

/// Tries to deliver a message to a group: as many transactions as the next hop's limit of
/// recipients makes necessary, one after the other (R14). `prefix`: fields in front of it. On the
/// pool's thread.
net::Awaitable<Attempted> attempt(HopPool& pool,
                                  spool::Spool& spool,
                                  spool::MessagePtr message,
                                  const Group& group,
                                  std::string prefix);

}  // namespace postern::queue
