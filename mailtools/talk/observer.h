// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/talk/target.h"
#include "smtp/reply.h"

#include <string>
#include <string_view>

namespace postern::talk {

/// A reply as it came.
struct Received {
  const smtp::Reply& reply;
  std::string_view lines;      ///< as they came, without the last CRLF; "\n" or "\r\n" between them
  bool expected;               ///< its first digit is the one that was hoped for
  net::Clock::duration after;  ///< since what it answers was sent
};

/// Is told what happens in a conversation, in its order, on the thread that holds it. What is
/// secret (passwords and what they can be guessed from) has been replaced before. Everything may be
/// left as it is. Owned by whoever holds the conversation; outlives it.
class Observer {
 public:
  Observer() = default;
  virtual ~Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void on_connecting(const std::string& /*host*/, const net::Endpoint& /*to*/) {}
  virtual void on_connected(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) {}
  /// A command, without its CRLF. It may hold any octet.
  virtual void on_line(std::string_view /*line*/, bool /*tls*/) {}
  /// A message or a part of one, as it goes over the line.
  virtual void on_block(std::string_view /*octets*/, bool /*tls*/) {}
  virtual void on_reply(const Received& /*received*/, bool /*tls*/) {}
  virtual void on_tls(const TlsFacts& /*facts*/) {}
  /// Also of an address that cannot be connected to, before the next one is tried.
  virtual void on_error(const TalkError& /*error*/) {}
  /// By this side, or by the server after QUIT.
  virtual void on_closed() {}
};

}  // namespace postern::talk
