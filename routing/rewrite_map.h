// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/domain_index.h"
#include "routing/key_filter.h"
#include "routing/mailbox_table.h"
#include "smtp/address.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::routing {

/// Old addresses to new ones: exact addresses, and whole domains ("@old.ru" "@new.ru", which keep
/// the local part). An exact one counts before its domain; the full address before the one without
/// its tag, which is kept ("u+x@old" by u@old to "w+x@new"). A domain covers no subdomain. Of two
/// rules for one address the first counts. Filled from a file ("old new", one a line; `#` first on
/// a line begins a comment) or rule by rule; immutable then, any thread.
class RewriteMap {
 public:
  explicit RewriteMap(MailboxRules rules) : rules_(std::move(rules)) {}

  /// False: neither two addresses nor two domains.
  bool add(std::string_view from, std::string_view to);
  /// Adds one line of a file, without its end; lines are counted from 1.
  void add_line(std::string_view line);

  struct Found {
    smtp::Mailbox to;
    std::size_t line = 0;  ///< 0: not from a file
  };
  std::optional<Found> find(const smtp::Mailbox& mailbox) const;
  /// The same with the mailbox's key, made by these rules (its domain is not read).
  std::optional<Found> find(const smtp::Mailbox& mailbox, const RecipientKey& key) const;

  std::size_t size() const { return rules_in_order_.size(); }
  /// Lines that say nothing that can be used, and the first of them with the reason.
  std::size_t ignored() const { return ignored_; }
  const std::string& first_ignored() const { return first_ignored_; }

  /// Rules as they were written: "old", "new".
  const std::vector<std::pair<std::string, std::string>>& rules() const { return rules_in_order_; }
  /// The rules that lead back to where they began, each once followed by itself ("a", "b", "a");
  /// empty: there are none. Mail is rewritten once and would not circle, but nobody means this.
  std::vector<std::string> cycle() const;

 private:
  struct To {
    std::string local;  ///< empty: a domain's rule, the local part stays
    std::string domain;
    std::size_t line = 0;
  };

  /// By text without a copy of it.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };

  std::optional<Found> find_address(const smtp::Mailbox& mailbox, const RecipientKey& key) const;
  const To* find_key(const HashedKey& local, std::string_view domain) const;
  void add_address(std::string key, const To& target);

  MailboxRules rules_;
  /// By local key, "@", domain in lower case.
  std::unordered_map<std::string, To, KeyHash, std::equal_to<>> addresses_;
  KeyFilter filter_;  ///< of the local keys' hashes
  std::size_t filter_room_ = 0;
  DomainMap<To> domains_;
  std::vector<std::pair<std::string, std::string>> rules_in_order_;
  std::size_t lines_ = 0;
  std::size_t ignored_ = 0;
  std::string first_ignored_;
};

}  // namespace postern::routing
