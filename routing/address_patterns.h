// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/domain_index.h"
#include "smtp/address.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// Whom a list of the config means: "user@domain", "@domain" (all of it, not its subdomains),
/// "@*.domain" (its subdomains alone), "*" (everybody), "" (the null sender). Compared as R8a has
/// it: domains without case and in each spelling, local parts by `case_sensitive`, the address
/// without its tag after the full one. An alias is another domain here. Immutable, any thread; one
/// look-up a label.
class AddressPatterns {
 public:
  AddressPatterns() = default;
  /// Patterns that is_pattern refuses mean nobody.
  AddressPatterns(const std::vector<std::string>& patterns,
                  bool case_sensitive,
                  std::string delimiter);

  static bool is_pattern(std::string_view text);

  /// No pattern at all: a condition that is not set.
  bool empty() const { return empty_; }
  bool match(const smtp::Mailbox& mailbox) const;
  bool match(const smtp::ReversePath& path) const;

 private:
  void add(std::string_view pattern);

  bool empty_ = true;
  bool everybody_ = false;
  bool null_sender_ = false;
  bool case_sensitive_ = false;
  std::string delimiter_;
  DomainMap<std::set<std::string, std::less<>>> addresses_;  ///< local keys by domain
  DomainMap<bool> domains_;
  DomainMap<bool> below_;
};

}  // namespace postern::routing
