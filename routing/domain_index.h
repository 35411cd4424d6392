// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/config.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace postern::routing {

/// Hash and equality of domain names without case (R8a), for look-ups by view without a copy.
struct DomainHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const;
};
struct DomainEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

/// Values by names of domains. Most names that are asked about are in no table: the sizes of those
/// that are there tell so without hashing, and few are compared one by one. Immutable once filled;
/// any thread.
template <class Value>
class DomainMap {
 public:
  bool empty() const { return map_.empty(); }
  /// The first value of a name counts.
  void emplace(std::string name, Value value) {
    sizes_ |= bit_of(name.size());
    map_.emplace(std::move(name), std::move(value));
  }
  Value& operator[](const std::string& name) {
    sizes_ |= bit_of(name.size());
    return map_[name];
  }
  /// Null: not there. It stays where it is, also when the map is moved.
  const Value* find(std::string_view name) const {
    if ((sizes_ & bit_of(name.size())) == 0) return nullptr;
    if (map_.size() <= kFew) {
      for (const auto& [known, value] : map_) {
        if (known.size() == name.size() && DomainEqual()(known, name)) return &value;
      }
      return nullptr;
    }
    const auto it = map_.find(name);
    return it == map_.end() ? nullptr : &it->second;
  }

 private:
  static constexpr std::size_t kFew = 8;
  static std::uint64_t bit_of(std::size_t size) {
    return std::uint64_t{1} << (size < 63 ? size : 63);
  }

  std::unordered_map<std::string, Value, DomainHash, DomainEqual> map_;
  std::uint64_t sizes_ = 0;
};

/// The spellings of a domain beyond ASCII: as given, as A-labels and as U-labels (RFC 5890),
/// without duplicates; just the name itself when it is plain ASCII without "xn--" or does not
/// convert.
std::vector<std::string> domain_spellings(std::string_view name);

/// Domains of ours by every name that they have: main names, aliases, and their spellings.
/// Immutable, any thread; points into the config, which outlives it.
class DomainIndex {
 public:
  struct Found {
    const Domain* domain = nullptr;
    std::uint16_t number = 0;  ///< its place in Config::domains
    bool under_alias = false;
  };

  /// As many as have numbers of their own: the one behind the last is RecipientKey::kNoDomain, and
  /// the one behind that every domain's (MailboxTable). The config refuses more.
  static constexpr std::size_t kMostDomains = 0xfffe;

  explicit DomainIndex(const std::vector<Domain>& domains);
  DomainIndex(DomainIndex&&) = default;  ///< found entries stay where they are

  /// Null: not a domain of ours. A name covers no subdomain (R8a).
  const Found* find(std::string_view domain) const { return names_.find(domain); }

 private:
  DomainMap<Found> names_;
};

}  // namespace postern::routing
