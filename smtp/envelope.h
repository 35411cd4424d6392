// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/address.h"
#include "smtp/parameters.h"

namespace postern::smtp {

/// MAIL as it was received: who sent it, and what was said about the message.
struct Sender {
  ReversePath path;
  MailParameters parameters;
};

/// RCPT as it was received, or as it goes out.
struct Recipient {
  Mailbox address;
  RcptParameters parameters;
};

}  // namespace postern::smtp
