// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/limits.h"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

/// Where a client's dialogue is: each thing that it waits for. In the order in which they come.
enum class ClientStep : std::uint8_t {
  connect,
  greeting,
  ehlo,
  helo,
  starttls,
  tls,   ///< the handshake
  auth,  ///< AUTH and the responses within it
  rset,
  mail,
  rcpt,
  data,
  body,        ///< the message's octets are on their way
  chunk,       ///< BDAT
  last_chunk,  ///< BDAT LAST
  data_done,   ///< the final dot
  quit,
};

/// What is known of a step; one row a step, in client_step.cc.
struct ClientStepFacts {
  ClientStep step;
  std::string_view command;                        ///< "MAIL"; "" when it is no command
  std::chrono::seconds ClientTimeouts::*deadline;  ///< RFC 5321 4.5.3.2
  int good;                ///< first digit of the reply that lets things go on; 0: no reply
  std::string_view doing;  ///< for logs and replies: "sending MAIL"
};

const ClientStepFacts& facts(ClientStep step);

}  // namespace postern::smtp
