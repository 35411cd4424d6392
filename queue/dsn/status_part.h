// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/dsn/octets.h"
#include "queue/dsn/report.h"

#include <string>

namespace postern::dsn {

/// The status that is reported for `recipient` (RFC 3464 2.3.4): the reply's own where its class
/// fits the action, else the action's general one.
smtp::EnhancedStatus status_of(const ReportedRecipient& recipient);

/// The body of message/delivery-status (Charset::ascii) or message/global-delivery-status
/// (Charset::utf8): a group of fields on the message, and one on each recipient.
std::string delivery_status(const Facts& facts, Charset charset);

}  // namespace postern::dsn
