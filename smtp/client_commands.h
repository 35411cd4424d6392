// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/client_capabilities.h"
#include "smtp/envelope.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

// Commands as a client writes them, appended to `out` with their CRLF. A parameter is written only
// when the server offered its extension: whether the message may go without it is asked before
// (queue/hop_transaction.h, R18).

void append_command(std::string_view verb, std::string_view argument, std::string& out);
/// SIZE, BODY, SMTPUTF8, RET, ENVID, AUTH as far as offered. Without 8BITMIME there is no BODY: the
/// caller watches the octets.
void append_mail(const Sender& sender, const Capabilities& offered, std::string& out);
/// NOTIFY and ORCPT when DSN is offered.
void append_rcpt(const Recipient& recipient, const Capabilities& offered, std::string& out);
/// "BDAT n" or "BDAT n LAST" (RFC 3030).
void append_bdat(std::uint64_t octets, bool last, std::string& out);

}  // namespace postern::smtp
