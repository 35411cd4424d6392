// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway::proof {

/// What a domain's cut-over list says about somebody (R5).
enum class CutoverAnswer : std::uint8_t { listed, not_listed, unavailable };

/// A class of users of a domain of ours: who has a mailbox for them, and what directory and
/// cut-over list answer. X is the old server, V the new mailboxes.
struct Person {
  std::string_view name;  ///< "migrated"
  bool in_x = false;
  bool forwards = false;  ///< X keeps the letter and sends a copy to U@T
  bool in_v = false;
  routing::Presence presence = routing::Presence::unknown;
  CutoverAnswer cutover = CutoverAnswer::not_listed;
  bool dual = false;  ///< G itself delivers to both: on the list of dual_delivery

  bool exists() const { return in_x || in_v; }
  /// For findings and graphs: "migrated, on the list of dual_delivery".
  std::string full_name() const;
  /// Somebody cannot be asked: waiting (451 4.4.3) is right, a guess is not.
  bool doubtful() const {
    return presence == routing::Presence::unavailable || cutover == CutoverAnswer::unavailable;
  }
};

/// What is known about a domain before its users are listed.
struct DomainTraits {
  bool has_x = false;      ///< a server that behaves as Exchange serves it
  bool has_alias = false;  ///< so that X can forward to it
  bool has_cutover = false;
  bool has_dual = false;      ///< G itself delivers to both, for some
  bool dual_for_all = false;  ///< for everybody: there is no list
};

/// Every class of users that such a domain has.
std::vector<Person> persons_of(const DomainTraits& traits);

}  // namespace postern::gateway::proof
