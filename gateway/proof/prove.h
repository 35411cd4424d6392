// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/finding.h"
#include "gateway/list_files.h"

#include <cstddef>
#include <vector>

namespace postern::gateway::proof {

/// What came of following every class of letters through a config (docs/proof.md).
struct Proof {
  std::vector<Finding> findings;  ///< by place in the file
  std::size_t letters = 0;        ///< followed
  std::size_t domains = 0;        ///< in the config
  std::size_t shapes = 0;         ///< of them, as the rules see them
};

/// Follows each class of (origin, listener, domain, recipient) through the real stages and the
/// servers around, as `behaves` states them, until it rests. Asks no network. Findings are loops,
/// letters that rest nowhere, copies too few or too many, open relays, and steps of the migration
/// guide that are missing. Takes milliseconds; thousands of domains of one shape are one.
/// `lists`: the files that the config names, read already; what the maps of `[[rewrite]]` make of
/// addresses is followed. Without it no file is looked at.
Proof prove(const Config& config, const ListFiles* lists = nullptr);

}  // namespace postern::gateway::proof
