// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/arrivals.h"

#include <chrono>
#include <cmath>

namespace postern::load {
namespace {

constexpr double kSecond = 1e9;

}  // namespace

std::uint64_t scatter(std::uint64_t seed) {
  std::uint64_t z = seed + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

Arrivals::Arrivals(
    ArrivalKind kind, double rate, net::TimePoint start, std::size_t part, std::size_t parts)
    : kind_(kind),
      gap_(kSecond / rate),
      start_(start),
      due_(start),
      next_(part),
      step_(parts),
      seed_(scatter(part + 12)) {
  if (kind_ == ArrivalKind::poisson) gap_ *= static_cast<double>(parts);
  find_due();
}

void Arrivals::pop() {
  next_ += step_;
  find_due();
}

void Arrivals::find_due() {
  if (kind_ == ArrivalKind::poisson) {
    // Between 0 (not included) and 1: 53 bits are what a double holds.
    const double draw = (static_cast<double>(scatter(seed_++) >> 11) + 1) / 9007199254740992.0;
    offset_ += -std::log(draw) * gap_;
  } else {
    offset_ = static_cast<double>(next_) * gap_;
  }
  due_ = start_ + std::chrono::nanoseconds(static_cast<std::int64_t>(offset_));
}

}  // namespace postern::load
