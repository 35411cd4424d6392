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
template <class Value>
using DomainMap = std::unordered_map<std::string, Value, DomainHash, DomainEqual>;

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

  explicit DomainIndex(const std::vector<Domain>& domains);
  DomainIndex(DomainIndex&&) = default;  ///< found entries stay where they are

  /// Null: not a domain of ours. A name covers no subdomain (R8a).
  const Found* find(std::string_view domain) const;

 private:
  DomainMap<Found> names_;
  /// The same names where they are few, which is usual: comparing is quicker than hashing then.
  std::vector<std::pair<std::string_view, const Found*>> few_;
};

}  // namespace postern::routing
