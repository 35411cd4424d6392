// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/letters.h"
#include "gateway/proof/writers.h"
#include "gateway/snapshot.h"

#include <filesystem>
#include <random>
#include <string>
#include <vector>

// Random companies for the proof: a config with several domains and every way of docs/ways.md, the
// files that it names, and a simulator of the servers around that shares nothing with the proof but
// the pipeline. tests/gateway/proof_wide_test.cc.

namespace postern::gateway::proof {

/// What the simulator has to know of one domain beyond the config's text.
struct TownDomain {
  std::string name;
  std::vector<std::string> aliases;
  std::string mailboxes;
  bool as_main = false;  ///< deliver_as
};

/// One config of the grammar, and its files in `folder`.
struct Town {
  std::string text;
  std::vector<TownDomain> domains;
  bool v_is_final = false;
  std::vector<std::string> gateways;  ///< next hops that may give mail back

  const TownDomain* of(std::string_view domain) const;
  /// Has the domain an old server: does anything in the config lead there?
  bool has_x(const TownDomain& domain) const;
};

Town random_town(std::mt19937& chance, const std::string& folder);

/// Whose letters they are, by local part: "old" is in X alone, "both" forwards in X, "dual" does
/// not, "new" is in V alone, "left" is there and cut over, "nobody".
std::string local_of(const Person& person);

/// "rests:vk", "refused", "bounced", "waits", "discarded" of each copy, sorted; or "loops" alone.
using Ends = std::vector<std::string>;

/// Runs one letter through the real pipeline and servers as docs/proof.md has them, until every
/// copy has come to its end. Messages bear the real trace fields.
Ends simulate(const Town& town,
              const Snapshot& snapshot,
              const Wiring& wiring,
              const Start& start,
              const std::string& recipient,
              const smtp::ReversePath& sender);

/// What the proof has found, in the same words.
Ends ends_of(const std::vector<Leaf>& leaves);

}  // namespace postern::gateway::proof
