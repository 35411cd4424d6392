// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/world.h"
#include "smtp/address.h"

#include <vector>

namespace postern::gateway::proof {

/// A class of envelope senders that the rules tell from others.
struct Writer {
  smtp::ReversePath address;
  bool is_unwanted = false;  ///< a [[list]] names it, and not everybody
};

/// The null sender first, then one of each class that `[[sender_route]]` and `[[list]]` make; the
/// null sender alone where they make none. Bounded.
std::vector<Writer> writers(const World& world);

}  // namespace postern::gateway::proof
