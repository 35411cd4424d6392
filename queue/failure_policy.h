// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/client_dialogue.h"
#include "smtp/reply.h"

#include <cstdint>
#include <string_view>

namespace postern::queue {

// What follows when a delivery does not go through. Pure: no connection is touched here.

/// What a failure concerns. A failure of a wider scope includes the narrower ones.
enum class Scope : std::uint8_t {
  session,    ///< no connection, or one that was refused before its first MAIL
  host,       ///< a connection that ended within a transaction
  message,    ///< MAIL, DATA or the message was refused
  recipient,  ///< RCPT was refused
};

/// How far the message has come; beyond `envelope` no second host may be tried, since the first may
/// have taken the message (R15: a duplicate may follow a crash only).
enum class Progress : std::uint8_t {
  nothing,   ///< no recipient was accepted
  envelope,  ///< a recipient was accepted: our client was told so
  body,      ///< octets of the message were sent
  done,      ///< its end was sent
};

struct Trouble {
  Scope scope = Scope::session;
  smtp::ClientFailure failure;  ///< for session and host
  smtp::Reply reply;            ///< for message and recipient: the server's own
  Progress progress = Progress::nothing;
  bool reused = false;  ///< on a kept connection, and nothing was answered to this message
  bool hosts_left = false;
};

struct Remedy {
  enum class Next : std::uint8_t {
    reopen,      ///< the same host, with a new connection
    other_host,  ///< the target's next host
    give_back,   ///< `reply` is the answer
  };
  Next next = Next::give_back;
  bool keep_connection = false;
  bool remember_down = false;  ///< try this host last for a while
  smtp::Reply reply;
};

/// `host`: how the server is named in replies.
Remedy remedy(const Trouble& trouble, std::string_view host);

/// A server's reply as we may say it to our own client: code, status and text kept, but never 421
/// (which would close the client's connection: 451), and with an enhanced status where the server
/// gave none (RFC 2034).
smtp::Reply given_back(const smtp::Reply& reply);

}  // namespace postern::queue
