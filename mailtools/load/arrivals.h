// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/options.h"

#include <cstddef>
#include <cstdint>

namespace postern::load {

/// A number that looks like chance and is the same for the same `seed` (SplitMix64).
std::uint64_t scatter(std::uint64_t seed);

/// When the letters of one thread are due: a schedule that is fixed before the first is sent and
/// knows nothing of answers, so that a server that stalls makes all wait that were due meanwhile
/// (no coordinated omission). Pure; one thread.
class Arrivals {
 public:
  /// The part of the schedule that is `part`'s of `parts`. Constant: each `parts`th letter of one
  /// every 1/`rate` seconds; poisson: of `rate`/`parts` on average.
  Arrivals(
      ArrivalKind kind, double rate, net::TimePoint start, std::size_t part, std::size_t parts);

  /// Of the next letter.
  net::TimePoint due() const { return due_; }
  void pop();

 private:
  void find_due();

  ArrivalKind kind_;
  double gap_;  ///< nanoseconds between two letters, of all parts (constant) or of this one
  net::TimePoint start_;
  net::TimePoint due_;
  std::uint64_t next_;
  std::uint64_t step_;
  double offset_ = 0;  ///< poisson: nanoseconds from the start
  std::uint64_t seed_;
};

}  // namespace postern::load
