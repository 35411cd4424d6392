// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/large_pages.h"
#include "routing/domain_index.h"
#include "routing/key_filter.h"
#include "routing/mailbox_key.h"
#include "smtp/address.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// How addresses are compared (R8a). The index outlives the tables made with it.
struct MailboxRules {
  const DomainIndex* domains = nullptr;
  bool case_sensitive = false;
  std::string delimiter = "+";  ///< each of its octets begins a tag; empty: no tags
};

/// What one file of addresses said. One address or local part a line; `#` first on a line begins a
/// comment; blank lines are nothing. An address under an alias is the mailbox of the main domain. A
/// local part alone stands for every domain that the list is about.
/// Immutable once built, any thread. About 40 octets an address.
class MailboxTable {
 public:
  explicit MailboxTable(MailboxRules rules) : rules_(std::move(rules)) {}

  /// Adds one line, without its end; lines are counted from 1.
  void add_line(std::string_view line);

  /// The line that has this mailbox, 0: none. The full local part first, then without its tag
  /// (R8a). A domain that is not ours has no mailboxes.
  std::size_t find(const smtp::Mailbox& mailbox) const;
  /// The same with a key that was made by these rules, and the domain's place in them or
  /// RecipientKey::kNoDomain.
  std::size_t find(const RecipientKey& key, std::uint16_t domain) const;

  /// A look-up in a large table waits for memory twice, first for the place that the hash says and
  /// then for the record there. These begin to fetch the one and the other.
  void prefetch_place(const RecipientKey& key) const;
  void prefetch_record(const RecipientKey& key) const;

  /// A line's address as look-ups compare it; without a domain: a local part alone.
  struct Entry {
    std::size_t line = 0;
    std::optional<std::uint16_t> domain;  ///< its place in the list's domains
    std::string_view local;
  };
  /// Every entry once, in the file's order.
  void each(const std::function<void(const Entry&)>& take) const;

  std::size_t size() const { return entries_; }
  /// Lines that are neither comment nor an address of ours, and the first of them with the reason.
  std::size_t ignored() const { return ignored_; }
  const std::string& first_ignored() const { return first_ignored_; }

 private:
  static constexpr std::uint16_t kAnyDomain = 0xffff;
  static_assert(DomainIndex::kMostDomains == RecipientKey::kNoDomain);
  static_assert(RecipientKey::kNoDomain < kAnyDomain);
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t record = 0;  ///< where it stands in arena_, plus one; 0: free
  };

  void add(std::uint16_t domain, std::string_view key);
  void ignore(std::string_view reason);
  std::size_t find_key(std::uint16_t domain, const HashedKey& key) const;
  std::size_t place(std::uint32_t hash, std::uint16_t domain, std::string_view key) const;
  void grow();

  MailboxRules rules_;
  using Octets = std::basic_string<char, std::char_traits<char>, LargePageAllocator<char>>;

  Octets arena_;  ///< records: line (4), domain (2), size (2), octets of the key
  std::vector<Slot, LargePageAllocator<Slot>> slots_;
  KeyFilter filter_;  ///< of the slots' hashes, while there are not too many
  std::size_t entries_ = 0;
  bool has_any_domain_ = false;  ///< some entry stands for every domain
  std::uint32_t lines_ = 0;
  std::size_t ignored_ = 0;
  std::string first_ignored_;
};

}  // namespace postern::routing
