// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

/// RFC 3463 class.subject.detail; class 0 means there is none.
struct EnhancedStatus {
  std::uint16_t klass = 0;
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;

  bool empty() const { return klass == 0; }
  std::string str() const;
  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

/// A reply, ours or a peer's: code, enhanced status, and its text. Lines of the text are separated
/// by
/// '\n' and carry neither code nor enhanced status. Cheap when the text is a literal.
/// Not an aggregate on purpose: it is passed inside co_await statements (docs/architecture.md,
/// "Compiler").
class Reply {
 public:
  Reply() = default;
  Reply(int code, EnhancedStatus status, Text text)
      : code_(code), status_(status), text_(std::move(text)) {}

  int code() const { return code_; }
  EnhancedStatus status() const { return status_; }
  std::string_view text() const { return text_.view(); }

  bool is_positive() const { return code_ >= 200 && code_ < 400; }
  bool is_transient() const { return code_ >= 400 && code_ < 500; }
  bool is_permanent() const { return code_ >= 500; }

  /// "550 5.1.1 no such user": one line, as logs, explain and DSN show it ('\n' becomes " / ").
  std::string line() const;
  /// Appends the wire form, each line with code, separator, enhanced status (when there is one) and
  /// CRLF. Lines beyond 512 octets are cut; CR, LF and NUL inside the text become spaces.
  void append_to(std::string& out) const;

  friend bool operator==(const Reply&, const Reply&) = default;

 private:
  int code_ = 0;
  EnhancedStatus status_;
  Text text_;
};

}  // namespace postern::smtp
