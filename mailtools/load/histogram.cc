// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace postern::load {
namespace {

constexpr unsigned kBits = 7;  ///< 128 buckets a power of two
constexpr std::size_t kLinear = std::size_t{1} << kBits;
constexpr unsigned kTopBit = 47;
constexpr std::size_t kBuckets = kLinear * (kTopBit - kBits + 1);

std::size_t bucket_of(std::uint64_t value) {
  if (value < kLinear) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
  return shift * kLinear + static_cast<std::size_t>(value >> shift);
}

/// The highest value that falls into the bucket.
std::uint64_t top_of(std::size_t bucket) {
  if (bucket < 2 * kLinear) return bucket;
  const std::size_t shift = bucket / kLinear - 1;
  const std::uint64_t first = bucket - shift * kLinear;
  return ((first + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::record(Span span) {
  const Span kept = std::max(span, Span(0));
  ++buckets_[bucket_of(static_cast<std::uint64_t>(std::min(kept, kLongest).count()))];
  ++count_;
  max_ = std::max(max_, kept);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Histogram::Span Histogram::at(double quantile) const {
  if (count_ == 0) return Span(0);
  const double wanted = std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), std::uint64_t{1}, count_);
  if (rank == count_) return max_;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(Span(static_cast<std::int64_t>(top_of(i))), max_);
  }
  return max_;
}

}  // namespace postern::load
