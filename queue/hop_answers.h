// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/client_capabilities.h"
#include "smtp/client_dialogue.h"
#include "smtp/parameters.h"
#include "smtp/reply.h"

namespace postern::queue {

// What a transaction reads from what a server can do and has said. Pure.

/// Why the message as announced cannot go to a server that can do only so much (R18); code 0: it
/// can. `secure`: the connection is encrypted and its server verified.
smtp::Reply lacking(const smtp::MailParameters& message,
                    const smtp::Capabilities& offered,
                    bool may_chunk,
                    bool secure);

/// lacking() is about REQUIRETLS: each host is asked (RFC 8689 section 4.2.1).
bool another_may_keep_it(const smtp::Reply& lack);

/// Not dead: it said that it has too much to do, or we have as many connections as we may.
bool is_busy(const smtp::Reply& refusal);

/// The server's word on the whole message, or on the chunk that it refused; null: it said none.
const smtp::Reply* word_on_message(const smtp::ClientDialogue& dialogue);

}  // namespace postern::queue
