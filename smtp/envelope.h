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

/// What is known of a message's octets because somebody has looked at all of them.
struct ContentFacts {
  bool clean_lines = false;  ///< no bare CR, no bare LF
  bool no_dots = false;      ///< no line begins with a dot
};

/// RCPT as it was received, or as it goes out.
struct Recipient {
  Mailbox address;
  RcptParameters parameters;
};

}  // namespace postern::smtp
