// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postern::smtp {

/// What a server session allows. Plain numbers with their sources; the config file fills them in.
struct ServerLimits {
  std::size_t command_line_octets =
      2048;  ///< with CRLF; RFC 5321 4.5.3.1.4 wants 512, extensions more; beyond: 500
  std::size_t auth_line_octets = 12288;  ///< AUTH and its responses, with CRLF; RFC 4954 4.
  std::size_t recipients =
      1000;  ///< a message; RFC 5321 4.5.3.1.8 wants at least 100; beyond: 452 4.5.3
  std::uint64_t message_octets = 50ULL << 20;  ///< SIZE, RFC 1870; beyond: 552 5.3.4
  std::size_t header_octets =
      256UL << 10;  ///< the header block that loop guards look at; Exchange's own limit
  unsigned errors =
      20;  ///< protocol errors with no message taken between them, then 421 4.7.0 and close
  unsigned refused_recipients = 200;  ///< with no message taken between them, then 421 4.7.0: who
                                      ///< guesses addresses learns no more
  unsigned idle_commands = 200;   ///< NOOP, RSET, VRFY, HELP, EHLO with no message taken between
                                  ///< them; then each counts as an error
  std::uint64_t data_rate = 100;  ///< octets of a message a second that a client must reach; 0: any
  unsigned messages = 10000;  ///< MAILMAX (RFC 9422): messages a connection, then 421 4.7.0 at MAIL
};

/// How long a server waits for a client; RFC 5321 4.5.3.2.7 wants at least 5 minutes a command.
struct ServerTimeouts {
  std::chrono::seconds command{300};     ///< for the next command
  std::chrono::seconds data_block{180};  ///< between two reads of message octets
  std::chrono::seconds message{3600};    ///< for one whole message
  std::chrono::seconds tls{60};          ///< for a TLS handshake
  std::chrono::seconds flush{300};       ///< for the peer to take our replies
  std::chrono::seconds session{21600};   ///< for one whole session; then 421 at the next command
  std::chrono::seconds proxy{10};        ///< for a balancer's PROXY header
};

/// How long a client waits for a server: RFC 5321 4.5.3.2.1 to 4.5.3.2.6.
struct ClientTimeouts {
  std::chrono::seconds connect{30};
  std::chrono::seconds greeting{300};
  std::chrono::seconds ehlo{300};
  std::chrono::seconds tls{60};
  std::chrono::seconds mail{300};  ///< Exchange under back-pressure holds MAIL 10 to 55 s
  std::chrono::seconds rcpt{300};
  std::chrono::seconds data{120};        ///< until 354
  std::chrono::seconds data_block{180};  ///< for the peer to take a block
  std::chrono::seconds data_done{600};   ///< for the reply after the message
  std::chrono::seconds rset{20};
  std::chrono::seconds quit{5};
};

}  // namespace postern::smtp
