// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/domain_index.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::routing {

/// Values by patterns of domains: exact beats the longest "*.sub", which beats "*" (R8a: a name
/// alone covers no subdomain). Domains are found in each spelling. Immutable once filled; any
/// thread; one look-up a label, no copy.
template <class Value>
class DomainPatterns {
 public:
  /// The first value of a pattern counts.
  void add(std::string_view pattern, const Value& value) {
    if (pattern == "*") {
      if (!any_) any_ = value;
      return;
    }
    const bool is_wildcard = pattern.starts_with("*.");
    if (is_wildcard) pattern.remove_prefix(2);
    for (std::string& spelling : domain_spellings(pattern))
      (is_wildcard ? below_ : exact_).emplace(std::move(spelling), value);
  }

  /// Null: no pattern is for this domain. An address literal, "[192.0.2.1]", has no parents.
  const Value* find(std::string_view domain) const {
    const Value* const any = any_ ? &*any_ : nullptr;
    if (const Value* const exact = exact_.find(domain)) return exact;
    if (below_.empty() || domain.starts_with('[')) return any;
    for (std::size_t dot; (dot = domain.find('.')) != std::string_view::npos;) {
      domain.remove_prefix(dot + 1);
      if (const Value* const below = below_.find(domain)) return below;
    }
    return any;
  }

 private:
  DomainMap<Value> exact_;
  DomainMap<Value> below_;  ///< "*.company.ru" by "company.ru"
  std::optional<Value> any_;
};

}  // namespace postern::routing
