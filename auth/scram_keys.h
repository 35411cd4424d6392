// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The arithmetic of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677). Pure functions, any thread; the
// ones that take a password take as long as its iterations (4096: about a millisecond).

namespace postern::auth {

/// What a server keeps of a password: enough to check it, not enough to log in with.
struct ScramVerifier {
  std::uint32_t iterations = 0;
  std::string salt;        ///< octets
  std::string stored_key;  ///< 32 octets
  std::string server_key;  ///< 32 octets

  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};

inline constexpr std::uint32_t kLeastIterations = 4096;  ///< RFC 7677 section 4
inline constexpr std::uint32_t kMostIterations = 10'000'000;

/// "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", salt and keys in base64 (RFC 5803).
/// nullopt: it is not in this form, or has fewer iterations than RFC 7677 wants or more than anyone
/// can wait for.
std::optional<ScramVerifier> parse_verifier(std::string_view text);
std::string format_verifier(const ScramVerifier& verifier);

/// Empty keys: OpenSSL could not, which is for want of memory alone.
ScramVerifier make_verifier(std::string_view password, std::string salt, std::uint32_t iterations);
/// In constant time, but for the iterations.
bool is_password_of(const ScramVerifier& verifier, std::string_view password);

std::string sha256(std::string_view octets);
std::string hmac_sha256(std::string_view key, std::string_view octets);
/// Hi() of RFC 5802: the salted password.
std::string salted_password(std::string_view password,
                            std::string_view salt,
                            std::uint32_t iterations);
/// Both of one size.
std::string exclusive_or(std::string_view a, std::string_view b);
/// Without telling by its time where they differ; false for sizes that differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);
/// Empty: there are no random numbers.
std::string random_octets(std::size_t count);
/// Overwrites a secret.
void wipe(std::string& secret);

}  // namespace postern::auth
