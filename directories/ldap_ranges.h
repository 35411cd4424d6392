// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_connection.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

// Active Directory gives attributes with many values in parts: "member;range=0-1499" first, and
// the rest to who asks for it ([MS-ADTS] 3.1.1.3.1.3.3, "Range Retrieval of Attribute Values").

namespace postern::directories {

/// Parts of one attribute of one entry: 1500 values each make millions. More is an error.
inline constexpr std::size_t kMostLdapParts = 4000;

/// A part of an attribute, by its description.
struct LdapRange {
  std::string attribute;  ///< without the option
  std::uint64_t first = 0;
  std::optional<std::uint64_t> last;  ///< nullopt ("*"): it is the last part
  friend bool operator==(const LdapRange&, const LdapRange&) = default;
};

/// nullopt: not such a description, but that of a whole attribute. Pure.
std::optional<LdapRange> ldap_range_of(std::string_view description);
/// Whether a part alone came of some attribute.
bool has_ldap_ranges(const LdapEntry& entry);

/// Asks for the attribute of this description of the entry `dn`.
using AskLdapPart = std::function<Result<LdapEntry, LdapFailure>(const std::string& dn,
                                                                 const std::string& attribute)>;

/// Reads on until every attribute of the entry is whole; its values then stand under the plain
/// name. An error: the server's own, or the parts do not follow one another. Blocks as `ask` does.
Result<void, LdapFailure> complete_ldap_ranges(LdapEntry& entry, const AskLdapPart& ask);

/// How a connection is asked, each part until the deadline of that moment.
AskLdapPart ask_by(LdapConnection& connection,
                   std::function<LdapConnection::Deadline()> deadline,
                   std::stop_token stop = {});

}  // namespace postern::directories
