// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "smtp/reply.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

/// Reads a server's replies (RFC 5321 4.2) from octets that may be cut anywhere. CRLF ends a line,
/// a bare LF is tolerated. All lines of a reply must carry the same code. An enhanced status (RFC
/// 2034) is lifted out of the text when its class fits the code; the text is kept otherwise, with
/// control characters turned into '?'. One parser a connection; not thread-safe; no I/O.
class ReplyParser {
 public:
  static constexpr std::size_t kLinesKept = 100;
  static constexpr std::size_t kOctetsKept = std::size_t{64} << 10;
  /// What is not kept is read over, up to here; beyond: Errc::reply_too_long.
  static constexpr std::size_t kOctetsRead = std::size_t{1} << 20;

  enum class Got : std::uint8_t {
    nothing_yet,  ///< all of the input is used and more is needed
    reply,        ///< one is complete: take() it
  };
  /// Uses octets from the front of `input` up to the end of one reply at most. After an error
  /// (Errc::bad_reply, Errc::reply_too_long) the parser is good for nothing.
  Result<Got> parse(std::string_view& input);
  /// The complete reply; the next one may follow.
  Reply take();
  /// True between replies: nothing of a reply has come yet.
  bool idle() const { return octets_ == 0; }

 private:
  Result<Got> end_of_line();
  void keep(std::string_view text);

  std::string line_;  ///< the line so far, without its end, as far as it is kept
  std::string text_;
  EnhancedStatus status_;
  int code_ = 0;
  std::size_t lines_ = 0;
  std::size_t octets_ = 0;
};

/// Reads "5.1.1" at the start of `text`, followed by a space or the end: what stands behind the
/// code of a reply. Gives its length with the space, 0 when there is none whose class is `klass`.
std::size_t parse_enhanced_status(std::string_view text, int klass, EnhancedStatus& status);

}  // namespace postern::smtp
