// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/faults.h"
#include "gateway/proof/letters.h"
#include "gateway/proof/writers.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace postern::gateway::proof {

/// A letter to a domain of ours that has been followed to its ends.
struct Case {
  const routing::Domain* domain = nullptr;
  const Person* person = nullptr;
  const Beginning* beginning = nullptr;
  const Wiring* wiring = nullptr;
  smtp::Mailbox recipient;
  Writer writer{};
};

/// Copies by where they rest: what the promises (S1 to S7) are about.
struct Copies {
  std::size_t x = 0;        ///< in the old server, or another that is not the new platform
  std::size_t v = 0;        ///< in the domain's mailboxes
  std::size_t waiting = 0;  ///< 4xx: they come later
};
Copies copies_of(const World& world,
                 const routing::Domain& domain,
                 const std::vector<Leaf>& leaves);

/// Is such a letter ever written? X's users do not write to U@T, and V keeps what it has.
bool is_written(const World& world, const Case& letter);
/// Appends what is wrong with it: a loop, no rest, a copy too few or too many.
void judge(const World& world, const Case& letter, const std::vector<Leaf>& leaves, Faults& out);

/// The same for a letter to an address that [[rewrite]] gives another name, for the person who has
/// the new one.
void judge_renamed(const World& world,
                   const Renamed& renamed,
                   const Person& person,
                   const Writer& writer,
                   const std::vector<Leaf>& leaves,
                   Faults& out);

/// The same for a letter to another domain (R2, S5, S8).
void judge_elsewhere(const World& world,
                     const Beginning& beginning,
                     const Writer& writer,
                     std::string_view domain,
                     const std::vector<Leaf>& leaves,
                     Faults& out);

}  // namespace postern::gateway::proof
