// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "smtp/reply.h"

namespace postern::queue {

// What a mailbox server's replies tell of a mailbox that it was asked for by RCPT. Pure.

/// Known: 2xx (251 and 252 too), and refusals of a mailbox that is there: 5.2.x (RFC 3463:
/// disabled, full), 552. Unknown: 5.1.0, 5.1.1, 5.1.3, 5.1.4, 5.1.6, 5.1.10 and what else of 5.1.x
/// is about the mailbox; without a status 550, 551 and 553 (RFC 5321 4.2.3: the mailbox, or policy)
/// whose text says that there is no such mailbox, and names nothing else for a reason (docs/
/// directory-servers.md). Unavailable: everything else. 5.1.2 (no such domain here) and 5.1.7
/// to 5.1.9 (the sender, the way) tell of the config, not of the mailbox: a guess would refuse a
/// domain's whole mail for good.
routing::Presence presence_of(const smtp::Reply& to_rcpt);

/// 452, or 4xx with 4.5.3: too many recipients in this group, nothing about this one.
bool is_too_many(const smtp::Reply& to_rcpt);

}  // namespace postern::queue
