// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "smtp/session/client_session.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::queue {

/// Sends a message's octets on, in blocks of up to 64 KB so that a small message is one write: by
/// DATA with its dots, or by BDAT, each block one chunk. Holds at most one block; a call ends when
/// the socket took what is beyond it. One message, one thread; the session must outlive it.
class BodyWriter {
 public:
  static constexpr std::size_t kBlockOctets = std::size_t{64} << 10;
  /// Chunks that may be unanswered, with PIPELINING; without it there is none (RFC 3030 4.2).
  static constexpr std::size_t kChunksAhead = 8;

  /// `no_dots`: no line of the message begins with a dot, and none is looked for.
  BodyWriter(smtp::ClientSession& session, bool chunking, bool no_dots = false);
  ~BodyWriter();
  BodyWriter(BodyWriter&&) = delete;

  /// False: the connection is lost, or a chunk was refused (session.dialogue() tells).
  net::Awaitable<bool> write(std::string_view octets);
  /// The last octets, the end of the message, and the server's replies.
  net::Awaitable<bool> finish();

 private:
  net::Awaitable<bool> write_data(std::string_view octets);
  net::Awaitable<bool> write_chunks(std::string_view octets);
  net::Awaitable<bool> finish_data();
  net::Awaitable<bool> finish_chunks();
  net::Awaitable<bool> send_chunk(std::string_view rest, bool last);
  /// Appends to the block, a dot that begins a line doubled (RFC 5321 4.5.2).
  void stuff(std::string_view octets);
  bool needs_dots(std::string_view octets) const;
  void remember_end(std::string_view octets);
  void begin_block();

  smtp::ClientSession& session_;
  const bool chunking_;
  const bool no_dots_;
  std::string block_;        ///< for BDAT with room for the header in front
  char before_last_ = '\r';  ///< the last two octets of the message so far
  char last_ = '\n';
};

}  // namespace postern::queue
