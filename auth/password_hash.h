// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// crypt(3) hashes of passwords, by libxcrypt. Each call that takes a password is meant to be slow
// (yescrypt: tens of milliseconds and 16 MiB): never on an io thread. Any other thread.

namespace postern::auth {

/// Methods that new hashes are made with.
enum class HashMethod : std::uint8_t { yescrypt, sha512 };

/// One of yescrypt ($y$), gost-yescrypt ($gy$), scrypt ($7$), bcrypt ($2b$, $2y$), sha512 ($6$) and
/// sha256 ($5$), whole. Older methods are refused: a list of their hashes is a list of passwords.
bool is_password_hash(std::string_view text);

/// In constant time behind the hashing. False also for what is no hash.
bool matches_hash(const std::string& hash, const std::string& password);

/// With a fresh salt and the library's own cost; empty: it could not (errno says why).
std::string hash_password(const std::string& password, HashMethod method);

}  // namespace postern::auth
