// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/histogram.h"

#include "mailtools/load/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace postern::load {
namespace {

using Span = Histogram::Span;

/// Spans between nanoseconds and minutes, as many short ones as long ones.
std::vector<Span> samples(std::size_t count) {
  std::vector<Span> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t draw = scatter(i);
    const std::uint64_t bits = draw % 36;
    out.emplace_back(static_cast<std::int64_t>((scatter(draw) >> 20) & ((1ULL << bits) - 1)));
  }
  return out;
}

Span exact(std::vector<Span> sorted, double quantile) {
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

TEST(Histogram, PercentilesAreThoseOfSortedSamplesUpToOneIn128) {
  const std::vector<Span> all = samples(20'011);
  Histogram histogram;
  for (const Span span : all)
    histogram.record(span);
  for (const double quantile : {0.0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const Span right = exact(all, quantile);
    const Span found = histogram.at(quantile);
    EXPECT_GE(found, right) << quantile;
    EXPECT_LE(found.count(), right.count() + right.count() / 128) << quantile;
  }
}

TEST(Histogram, EveryPowerOfTwoAndItsNeighboursKeepTheBound) {
  for (unsigned bit = 0; bit < 47; ++bit) {
    for (const std::int64_t step : {-1, 0, 1}) {
      const Span span(std::max<std::int64_t>(0, (std::int64_t{1} << bit) + step));
      Histogram histogram;
      histogram.record(span);
      histogram.record(Histogram::kLongest);
      EXPECT_GE(histogram.at(0.5), span);
      EXPECT_LE(histogram.at(0.5).count(), span.count() + span.count() / 128);
    }
  }
}

TEST(Histogram, TheLongestIsExactAndBeyondTheBoundsIsCounted) {
  Histogram histogram;
  histogram.record(Span(-5));
  histogram.record(Span(1'234'567));
  EXPECT_EQ(histogram.max(), Span(1'234'567));
  EXPECT_EQ(histogram.at(1), Span(1'234'567));
  EXPECT_EQ(histogram.at(0), Span(0));
  histogram.record(Histogram::kLongest * 4);
  EXPECT_EQ(histogram.max(), Histogram::kLongest * 4);
  EXPECT_EQ(histogram.count(), 3U);
}

TEST(Histogram, AnEmptyOneIsAllZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.at(0.99), Span(0));
  EXPECT_EQ(histogram.max(), Span(0));
}

TEST(Histogram, MergedOnesAreOneOfAllSamples) {
  const std::vector<Span> all = samples(3000);
  Histogram whole;
  Histogram merged;
  Histogram parts[3];
  for (std::size_t i = 0; i < all.size(); ++i) {
    whole.record(all[i]);
    parts[i % 3].record(all[i]);
  }
  for (const Histogram& part : parts)
    merged.merge(part);
  EXPECT_EQ(merged.count(), whole.count());
  EXPECT_EQ(merged.max(), whole.max());
  for (const double quantile : {0.1, 0.5, 0.9, 0.99, 0.999})
    EXPECT_EQ(merged.at(quantile), whole.at(quantile));
}

}  // namespace
}  // namespace postern::load
