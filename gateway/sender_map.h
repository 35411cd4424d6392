// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/address_patterns.h"
#include "routing/mailbox_table.h"
#include "smtp/address.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::gateway {

/// Which sender addresses an account may use: "account pattern pattern" a line, patterns as
/// routing::AddressPatterns has them; an account may have several lines. `#` first on a line begins
/// a comment. The null sender is everybody's, since bounces have it, and an account whose name is
/// an address may use that address. Filled line by line, then asked; any thread.
class SenderMap {
 public:
  explicit SenderMap(routing::MailboxRules rules) : rules_(std::move(rules)) {}

  void add_line(std::string_view line);

  /// `account`: as auth::account_key has it.
  bool allows(std::string_view account, const smtp::ReversePath& sender) const;

  std::size_t size() const { return patterns_.size(); }
  std::size_t ignored() const { return ignored_; }
  const std::string& first_ignored() const { return first_ignored_; }

 private:
  void fail(std::string_view what);
  routing::AddressPatterns compiled(const std::vector<std::string>& patterns) const;

  routing::MailboxRules rules_;
  std::unordered_map<std::string, std::vector<std::string>> patterns_;
  std::size_t lines_ = 0;
  std::size_t ignored_ = 0;
  std::string first_ignored_;
};

}  // namespace postern::gateway
