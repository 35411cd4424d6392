// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/scram_keys.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::auth {

/// One account and what is kept of its password: a hash, a verifier, or both.
struct Account {
  std::string name;  ///< as find() compares it
  std::string hash;  ///< crypt(3); empty: none
  std::optional<ScramVerifier> verifier;
};

/// The accounts of one file, "name:hash" a line; a second line of the same name may give the other
/// kind. `#` first on a line begins a comment. Names are compared without the case of ASCII
/// letters, as mail addresses usually are. Filled line by line, immutable then; any thread.
class AccountTable {
 public:
  AccountTable() = default;
  AccountTable(const AccountTable&) = delete;

  /// Adds one line of a file, without its end; lines are counted from 1.
  void add_line(std::string_view line);

  struct Problem {
    std::size_t line = 0;
    std::string what;  ///< what is wrong and what to write instead; holds no hash
  };
  /// The first of them (kMostProblems).
  const std::vector<Problem>& problems() const { return problems_; }
  static constexpr std::size_t kMostProblems = 50;

  std::size_t size() const { return order_.size(); }
  /// Lines that say nothing that can be used, and the first of them with the reason.
  std::size_t ignored() const { return ignored_; }
  const std::string& first_ignored() const { return first_ignored_; }

  /// Null: no such account.
  const Account* find(std::string_view name) const;
  /// Is that its password? Slow on purpose (auth/password_hash.h). For a name that is not there a
  /// hash is made as well, the first account's, so that the time does not tell who exists.
  bool check(std::string_view name, const std::string& password) const;
  /// What SCRAM needs. For a name without, one is made up of `secret`, the same each time.
  ScramVerifier verifier_for(std::string_view name, std::string_view secret) const;
  /// Every account has a verifier, and there is one: a client that prefers SCRAM can log in.
  bool all_have_verifiers() const { return !order_.empty() && without_verifier_ == 0; }

 private:
  void fail(std::string_view what);

  std::unordered_map<std::string, Account> accounts_;
  std::vector<const Account*> order_;
  std::vector<Problem> problems_;
  std::string first_ignored_;
  std::uint32_t iterations_ = kLeastIterations;  ///< of the first verifier
  std::size_t without_verifier_ = 0;
  std::size_t lines_ = 0;
  std::size_t ignored_ = 0;
};

/// A name as accounts are compared: ASCII letters in lower case.
std::string account_key(std::string_view name);

}  // namespace postern::auth
