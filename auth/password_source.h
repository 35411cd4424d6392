// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"

#include <cstdint>
#include <string>
#include <utility>

namespace postern::auth {

/// What is to be checked, and of whom.
struct Login {
  std::string name;
  std::string password;
  IpAddress client;
  bool secured = false;  ///< it came over TLS
};

enum class PasswordVerdict : std::uint8_t {
  right,
  wrong,        ///< the password, or there is no such account
  unavailable,  ///< nobody could tell
};

struct Checked {
  Checked(PasswordVerdict is, std::string as = {}) : verdict(is), name(std::move(as)) {}

  PasswordVerdict verdict;
  /// The account's own name where the store has told it, of which a client may write several
  /// spellings; an account name. Empty: the login's name is its name.
  std::string name;
};

/// Who knows passwords. check() blocks, for a bounded time: never on an io thread; any other, many
/// at once.
class PasswordSource {
 public:
  PasswordSource() = default;
  virtual ~PasswordSource() = default;
  PasswordSource(PasswordSource&&) = delete;

  virtual Checked check(const Login& login) const = 0;
  /// It waits for somebody else rather than compute: more may wait at a time than there are cores.
  virtual bool asks_a_server() const = 0;
};

}  // namespace postern::auth
