// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/password_source.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::auth {

/// What a line of Dovecot's auth server means to a client that has asked one question, "1"
/// (Dovecot Authentication Protocol, version 1).
enum class DovecotLine : std::uint8_t {
  other,          ///< of the greeting, or of no interest
  greeting_done,  ///< it may be asked
  wrong_version,  ///< it speaks another protocol
  right,
  wrong,
  unavailable,  ///< it failed, or wants to go on with what has no more steps
};
/// Pure; any input.
DovecotLine read_dovecot_line(std::string_view line);

/// Asks Dovecot's auth socket (`service auth { unix_listener ... }`) by PLAIN, over a connection
/// for each question.
class DovecotSource final : public PasswordSource {
 public:
  /// `limit`: for one question. Dovecot itself holds failures back for two seconds.
  explicit DovecotSource(std::string socket,
                         std::chrono::milliseconds limit = std::chrono::seconds(15))
      : socket_(std::move(socket)), limit_(limit) {}

  PasswordVerdict check(const Login& login) const override;
  bool asks_a_server() const override { return true; }

 private:
  const std::string socket_;
  const std::chrono::milliseconds limit_;
};

}  // namespace postern::auth
