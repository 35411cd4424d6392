// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace postern::load {

/// How often each span came: buckets that are linear within each power of two, as HdrHistogram has
/// them, so that a percentile is too high by 1/128 at most and never too low, whatever the span.
/// 41 KB, however many are recorded. Not thread-safe: one a thread, merged in the end.
class Histogram {
 public:
  using Span = std::chrono::nanoseconds;
  /// Longer spans count as this one in percentiles; max() is exact.
  static constexpr Span kLongest{(std::int64_t{1} << 47) - 1};  // 39 hours

  Histogram();

  /// Negative ones count as 0.
  void record(Span span);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  Span max() const { return max_; }
  /// The least span that `quantile` (0 to 1) of all are not longer than; 0 when there is none.
  Span at(double quantile) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  Span max_{0};
};

}  // namespace postern::load
