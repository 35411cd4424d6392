// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/letter_log.h"
#include "gateway/runtime.h"
#include "queue/hop_transaction.h"
#include "routing/request.h"
#include "smtp/session/service.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::gateway {

// What letters of both kinds, cut-through and stored, have in common.

/// Where a header block ends (behind its empty line); npos: not yet. A message may begin with the
/// empty line. `known`: octets that were looked at before.
std::size_t header_end(std::string_view octets, std::size_t known);

/// "encrypted, not verified (TLSv1.3 TLS_AES_256_GCM_SHA384)", "encrypted, verified by chain
/// (...)"; "in plain: WHY" where TLS was tried; "" where it was not. With "; the message says
/// TLS-Required: No" where that took the place of the policy.
std::string describe(const queue::HopReport& report);

/// What the pipeline is asked. Views point into the arguments.
routing::Request request_of(const smtp::SessionFacts& session,
                            const ListenerRuntime& listener,
                            const smtp::Sender& sender,
                            const smtp::Mailbox& recipient);

/// The log record of one recipient, as far as the session and the decision tell.
LetterRecord record_of(const smtp::SessionFacts& session,
                       const ListenerRuntime& listener,
                       const smtp::Sender& sender,
                       const smtp::Mailbox& recipient,
                       const routing::Decision& decision);

/// The same of what a session tells, without what it is.
SessionRecord record_of(const smtp::SessionFacts& session);

}  // namespace postern::gateway
