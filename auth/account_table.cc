// SPDX-License-Identifier: Apache-2.0
#include "auth/account_table.h"

#include "auth/mechanism.h"
#include "auth/password_hash.h"

#include <fmt/format.h>

namespace postern::auth {
namespace {

constexpr std::size_t kSaltOctets = 16;

std::string_view without_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

}  // namespace

std::string account_key(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

void AccountTable::fail(std::string_view what) {
  ++ignored_;
  if (first_ignored_.empty()) first_ignored_ = fmt::format("line {}: {}", lines_, what);
  if (problems_.size() < kMostProblems) problems_.push_back({lines_, std::string(what)});
}

void AccountTable::add_line(std::string_view line) {
  ++lines_;
  line = without_end(line);
  if (line.empty() || line.front() == '#') return;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos)
    return fail("this is no account; write name:hash, as postern passwd prints it");
  const std::string_view name = line.substr(0, colon);
  const std::string_view kept = line.substr(colon + 1);
  if (!is_account_name(name))
    return fail("this name has spaces or control characters, or is no UTF-8; write it without");
  const std::optional<ScramVerifier> verifier = parse_verifier(kept);
  if (!verifier && !is_password_hash(kept))
    return fail(
        "behind the name is no hash that is taken (yescrypt, scrypt, bcrypt, sha512, sha256, "
        "SCRAM-SHA-256); write the line that postern passwd prints");
  const std::string key = account_key(name);
  const auto [at, is_new] = accounts_.try_emplace(key);
  Account& account = at->second;
  if (verifier ? account.verifier.has_value() : !account.hash.empty())
    return fail("this account has such a line already; take one of them out");
  if (is_new) {
    account.name = key;
    order_.push_back(&account);
    ++without_verifier_;
  }
  if (!verifier) {
    account.hash = std::string(kept);
    return;
  }
  if (without_verifier_ == order_.size()) iterations_ = verifier->iterations;
  account.verifier = *verifier;
  --without_verifier_;
}

const Account* AccountTable::find(std::string_view name) const {
  const auto found = accounts_.find(account_key(name));
  return found == accounts_.end() ? nullptr : &found->second;
}

bool AccountTable::check(std::string_view name, const std::string& password) const {
  const Account* const account = find(name);
  if (order_.empty()) return false;
  const Account& asked = account != nullptr ? *account : *order_.front();
  const bool is_right = asked.hash.empty() ? is_password_of(*asked.verifier, password)
                                           : matches_hash(asked.hash, password);
  return is_right && account != nullptr;
}

ScramVerifier AccountTable::verifier_for(std::string_view name, std::string_view secret) const {
  const std::string key = account_key(name);
  // Made for a name that has one too: the time is the same.
  ScramVerifier made_up;
  made_up.iterations = iterations_;
  made_up.salt = hmac_sha256(secret, "salt " + key).substr(0, kSaltOctets);
  made_up.stored_key = hmac_sha256(secret, "stored " + key);
  made_up.server_key = hmac_sha256(secret, "server " + key);
  const Account* const account = find(name);
  return account != nullptr && account->verifier ? *account->verifier : made_up;
}

}  // namespace postern::auth
