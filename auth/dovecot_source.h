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
/// Whom an answer is about, as Dovecot calls him; empty: it does not say, or says no account name.
std::string dovecot_user(std::string_view line);

/// Asks Dovecot's auth socket (`service auth { unix_listener ... }`) by PLAIN, over a connection
/// for each question.
class DovecotSource final : public PasswordSource {
 public:
  /// For one question. Dovecot holds failures back for two seconds, and where it heeds no
  /// `no-penalty` for 15 more.
  static constexpr std::chrono::milliseconds kLimit{18'000};

  explicit DovecotSource(std::string socket, std::chrono::milliseconds limit = kLimit)
      : socket_(std::move(socket)), limit_(limit) {}

  Checked check(const Login& login) const override;
  bool asks_a_server() const override { return true; }

 private:
  const std::string socket_;
  const std::chrono::milliseconds limit_;
};

}  // namespace postern::auth
