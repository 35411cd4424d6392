// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/dsn/report.h"
#include "smtp/envelope.h"

#include <optional>
#include <vector>

namespace postern::dsn {

// Who is told of what (R17, RFC 3461). Pure; any thread may ask.

/// Whether a recipient's NOTIFY wants `action` reported. Without NOTIFY failures and delays are
/// (RFC 3461 4.1 leaves delays to us), successes are not.
bool is_wanted(const smtp::Notify& notify, Action action);

/// Of what happened to a message's recipients, what its sender is told; nothing when the sender is
/// null (R17). That alone ends every loop: a report goes out with the null sender, so that neither
/// a mailer-daemon's address nor a list of them is ever answered twice.
std::vector<ReportedRecipient> reported(const smtp::ReversePath& sender,
                                        std::vector<ReportedRecipient> recipients);

/// What is to be reported when a next hop took the message for a recipient (RFC 3461 5.2): nothing
/// when that hop offers DSN, since NOTIFY went with it; else `relayed` for NOTIFY=SUCCESS.
std::optional<Action> on_taken(const smtp::Notify& notify, bool hop_offers_dsn);

/// The envelope of a report: from null, SMTPUTF8, BODY=8BITMIME and REQUIRETLS as it needs them; no
/// RET, ENVID or NOTIFY, which mean nothing for the null sender.
smtp::Sender report_sender(const Report& report);

}  // namespace postern::dsn
