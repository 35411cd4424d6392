// SPDX-License-Identifier: Apache-2.0
#include "base/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace postern {
namespace {

using Numbers = std::vector<std::uint64_t, LargePageAllocator<std::uint64_t>>;

TEST(LargePages, ATableGrowsThroughBothKindsOfMemory) {
  Numbers numbers;
  constexpr std::uint64_t kMany = 3'000'000;  // 24 MB
  for (std::uint64_t i = 0; i < kMany; ++i)
    numbers.push_back(i * i);
  for (std::uint64_t i = 0; i < kMany; ++i)
    ASSERT_EQ(numbers[i], i * i);
  const Numbers moved = std::move(numbers);
  EXPECT_EQ(moved.back(), (kMany - 1) * (kMany - 1));
}

TEST(LargePages, LargeTablesBeginAtALargePageAndAreZeroed) {
  const Numbers numbers((std::size_t{8} << 20U) / sizeof(std::uint64_t) + 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % (std::size_t{2} << 20U), 0U);
  EXPECT_EQ(numbers.back(), 0U);
}

TEST(LargePages, WhatNoMachineHasIsRefused) {
  LargePageAllocator<std::uint64_t> allocator;
  EXPECT_THROW(allocator.allocate(static_cast<std::size_t>(-1)), std::bad_alloc);
  EXPECT_THROW(allocator.allocate(std::size_t{1} << 58U), std::bad_alloc);
}

}  // namespace
}  // namespace postern
