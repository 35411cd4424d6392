// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/session/service.h"

#include <chrono>
#include <string>
#include <string_view>

namespace postern::gateway {

/// The one Received field that R16 adds, with its CRLF (RFC 5321 4.4). `only_recipient` is null
/// when there are several: naming one would tell it to the others. `utf8`: the message came with
/// SMTPUTF8 (RFC 6531 3.7.3). The client's name by DNS
/// stands before its address (TCP-info), where somebody has asked.
std::string received_field(const smtp::SessionFacts& session,
                           std::string_view hostname,
                           std::string_view letter_id,
                           bool utf8,
                           const smtp::Mailbox* only_recipient,
                           std::chrono::system_clock::time_point now);

/// The WITH protocol type of RFC 3848 and RFC 6531: SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTPS, ...
std::string with_protocol(const smtp::SessionFacts& session, bool utf8);

}  // namespace postern::gateway
