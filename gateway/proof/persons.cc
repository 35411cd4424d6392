// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/persons.h"

#include <algorithm>

namespace postern::gateway::proof {
namespace {

using routing::Presence;

constexpr auto kListed = CutoverAnswer::listed;
constexpr auto kNotListed = CutoverAnswer::not_listed;
constexpr auto kListDown = CutoverAnswer::unavailable;

// name, in X, forwards, in V, directory, cut-over list
// clang-format off
constexpr Person kWithX[] = {
    {"not migrated",                   true,  false, false, Presence::unknown,     kNotListed},
    {"migrated",                       true,  true,  true,  Presence::known,       kNotListed},
    {"in both, no forwarding",         true,  false, true,  Presence::known,       kNotListed},
    {"in the new platform alone",      false, false, true,  Presence::known,       kNotListed},
    {"cut over",                       false, false, true,  Presence::known,       kListed},
    {"unknown",                        false, false, false, Presence::unknown,     kNotListed},
    {"not migrated, directory down",   true,  false, false, Presence::unavailable, kNotListed},
    {"migrated, directory down",       true,  true,  true,  Presence::unavailable, kNotListed},
    {"cut over, directory down",       false, false, true,  Presence::unavailable, kListed},
    {"migrated, cut-over list down",   true,  true,  true,  Presence::known,       kListDown},
    {"cut over, cut-over list down",   false, false, true,  Presence::known,       kListDown},
};
constexpr Person kWithoutX[] = {
    {"known",                          false, false, true,  Presence::known,       kNotListed},
    {"cut over",                       false, false, true,  Presence::known,       kListed},
    {"unknown",                        false, false, false, Presence::unknown,     kNotListed},
    {"known, directory down",          false, false, true,  Presence::unavailable, kNotListed},
    {"known, cut-over list down",      false, false, true,  Presence::known,       kListDown},
};
// clang-format on

}  // namespace

std::string Person::full_name() const {
  const bool meant = in_x && in_v && !forwards;  // who else is on the list is so by mistake
  return std::string(name) + (dual && !meant ? ", on the list of dual_delivery" : "");
}

std::vector<Person> persons_of(const DomainTraits& traits) {
  std::vector<Person> out;
  const auto take = [&](const Person& person) {
    if (person.cutover != kNotListed && !traits.has_cutover) return;
    const bool dual = person.in_x && person.in_v && !person.forwards;
    if (dual && !traits.has_dual) return;
    if (person.forwards && !traits.has_alias) return;  // X has no address to forward to
    // Who may be on the list is followed as if on it, and as if not.
    const bool may_be_listed = traits.has_dual && !traits.dual_for_all;
    if (!dual) out.push_back(person);
    if (!dual && !may_be_listed) return;
    Person listed = person;
    listed.dual = true;
    out.push_back(listed);
  };
  if (traits.has_x) {
    std::for_each(std::begin(kWithX), std::end(kWithX), take);
  } else {
    std::for_each(std::begin(kWithoutX), std::end(kWithoutX), take);
  }
  return out;
}

}  // namespace postern::gateway::proof
