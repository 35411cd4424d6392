// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories {

/// Where a filter is wrong (octets from its beginning, 0 the first), and what is wrong.
struct FilterError {
  std::size_t position = 0;
  std::string sentence;
};

/// The parts of an address as they are put into a filter.
struct FilterValues {
  std::string_view address;
  std::string_view local;
  std::string_view domain;
};

/// A search filter in its text form (RFC 4515) with `{address}`, `{local}` and `{domain}` in its
/// values. What is put there is escaped, so that no address can change the filter's structure: a
/// mailbox `*` asks for a star. A brace of its own is written `\7b`. Blanks between the parentheses
/// are allowed and dropped. Immutable, any thread.
class LdapFilter {
 public:
  static Result<LdapFilter, FilterError> parse(std::string_view text);

  std::string text_for(const FilterValues& values) const;
  bool has_placeholders() const { return pieces_.size() > 1; }

 private:
  friend class FilterParser;
  enum class Slot : std::uint8_t { none, address, local, domain };
  struct Piece {
    std::string literal;
    Slot then = Slot::none;  ///< what follows the literal
  };
  std::vector<Piece> pieces_;  ///< the last one has Slot::none
};

/// Only the verdict of LdapFilter::parse.
Result<void, FilterError> check_filter(std::string_view text);

/// RFC 4515 section 3: `*`, `(`, `)`, `\`, NUL, and whatever else is no plain ASCII, as `\xx`.
std::string escape_filter_value(std::string_view value);

/// A name or a number of RFC 4512 2.5 with options: "mail", "cn;lang-ru", "2.5.4.3".
bool is_ldap_attribute(std::string_view text);

}  // namespace postern::directories
