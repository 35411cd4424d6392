// SPDX-License-Identifier: Apache-2.0
#include "auth/scram_keys.h"

#include "base/base64.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <charconv>

namespace postern::auth {
namespace {

constexpr std::string_view kScheme = "SCRAM-SHA-256$";
constexpr std::size_t kDigestOctets = 32;
constexpr std::size_t kMostSalt = 255;

unsigned char* octets_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What stands before `end`, which is taken away with it; nullopt: there is no `end`.
std::optional<std::string_view> take_until(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return part;
}

}  // namespace

std::optional<ScramVerifier> parse_verifier(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const auto count = take_until(text, ':');
  const auto salt = take_until(text, '$');
  const auto stored = take_until(text, ':');
  if (!count || !salt || !stored) return std::nullopt;
  ScramVerifier out;
  const auto [end, ec] = std::from_chars(count->begin(), count->end(), out.iterations);
  if (ec != std::errc() || end != count->end()) return std::nullopt;
  if (out.iterations < kLeastIterations || out.iterations > kMostIterations) return std::nullopt;
  const auto salt_octets = from_base64(*salt);
  const auto stored_key = from_base64(*stored);
  const auto server_key = from_base64(text);
  if (!salt_octets || !stored_key || !server_key) return std::nullopt;
  out.salt = *salt_octets;
  out.stored_key = *stored_key;
  out.server_key = *server_key;
  const bool sound = !out.salt.empty() && out.salt.size() <= kMostSalt &&
                     out.stored_key.size() == kDigestOctets &&
                     out.server_key.size() == kDigestOctets;
  if (!sound) return std::nullopt;
  return out;
}

std::string format_verifier(const ScramVerifier& verifier) {
  return fmt::format("{}{}:{}${}:{}",
                     kScheme,
                     verifier.iterations,
                     to_base64(verifier.salt),
                     to_base64(verifier.stored_key),
                     to_base64(verifier.server_key));
}

ScramVerifier make_verifier(std::string_view password, std::string salt, std::uint32_t iterations) {
  ScramVerifier out;
  std::string salted = salted_password(password, salt, iterations);
  out.iterations = iterations;
  out.salt = std::move(salt);
  out.stored_key = sha256(hmac_sha256(salted, "Client Key"));
  out.server_key = hmac_sha256(salted, "Server Key");
  wipe(salted);
  return out;
}

bool is_password_of(const ScramVerifier& verifier, std::string_view password) {
  const ScramVerifier made = make_verifier(password, verifier.salt, verifier.iterations);
  return !made.stored_key.empty() && equal_in_constant_time(made.stored_key, verifier.stored_key);
}

std::string sha256(std::string_view octets) {
  std::string out(kDigestOctets, '\0');
  unsigned size = 0;
  const bool done =
      EVP_Digest(octets.data(), octets.size(), octets_of(out), &size, EVP_sha256(), nullptr) == 1;
  return done ? out : std::string();
}

std::string hmac_sha256(std::string_view key, std::string_view octets) {
  std::string out(kDigestOctets, '\0');
  unsigned size = 0;
  const unsigned char* const done = HMAC(EVP_sha256(),
                                         key.data(),
                                         static_cast<int>(key.size()),
                                         octets_of(octets),
                                         octets.size(),
                                         octets_of(out),
                                         &size);
  return done != nullptr ? out : std::string();
}

std::string salted_password(std::string_view password,
                            std::string_view salt,
                            std::uint32_t iterations) {
  std::string out(kDigestOctets, '\0');
  const int done = PKCS5_PBKDF2_HMAC(password.data(),
                                     static_cast<int>(password.size()),
                                     octets_of(salt),
                                     static_cast<int>(salt.size()),
                                     static_cast<int>(iterations),
                                     EVP_sha256(),
                                     static_cast<int>(out.size()),
                                     octets_of(out));
  return done == 1 ? out : std::string();
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (std::size_t i = 0; i < out.size() && i < b.size(); ++i)
    out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_octets(std::size_t count) {
  std::string out(count, '\0');
  return RAND_bytes(octets_of(out), static_cast<int>(count)) == 1 ? out : std::string();
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace postern::auth
