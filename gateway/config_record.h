// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace postern::gateway {

/// `[record]`: envelopes that are kept for `postern replay` and `postern reload --guard`.
struct RecordConfig {
  static constexpr std::size_t kMost = 1'000'000;
  std::size_t envelopes = 100'000;  ///< the last so many; 0: none are recorded
  bool hash = false;                ///< local parts as keyed hashes
};

}  // namespace postern::gateway
