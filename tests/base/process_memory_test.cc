// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POSTERN_OTHER_ALLOCATOR 1
#endif
#endif

namespace postern {
namespace {

constexpr std::size_t kMany = 64ULL << 20;

TEST(ProcessMemory, WhatIsTouchedIsResident) {
  const ProcessMemory before = process_memory();
  ASSERT_GT(before.resident, 0U);
  const auto block = std::make_unique<std::vector<char>>(kMany, 'x');
  const ProcessMemory with = process_memory();
  EXPECT_GT(with.resident, before.resident + kMany / 2) << block->size();
}

#ifndef POSTERN_OTHER_ALLOCATOR

TEST(ProcessMemory, LargeAndSmallBlocksAreAllocatedUntilTheyAreGivenBack) {
  const std::uint64_t before = process_memory().allocated;
  auto large = std::make_unique<char[]>(kMany);
  std::vector<std::unique_ptr<char[]>> small(10'000);
  for (auto& one : small)
    one = std::make_unique<char[]>(1000);
  const std::uint64_t with = process_memory().allocated;
  EXPECT_GE(with - before, kMany + 10'000 * heap_block(1000));
  EXPECT_LE(with - before, kMany + 10'000 * heap_block(1000) + (1 << 20));
  large.reset();
  small.clear();
  EXPECT_LT(process_memory().allocated, before + (1 << 20));
}

TEST(ProcessMemory, ABlockIsAsLargeAsTheAllocatorsOwn) {
  for (const std::size_t wanted : {1U, 24U, 25U, 40U, 41U, 1000U, 2049U}) {
    // Of one size a thread may have seven that were given back: they are taken first.
    constexpr std::size_t kBlocks = 10'000;
    const std::uint64_t before = process_memory().allocated;
    std::vector<std::unique_ptr<char[]>> blocks(kBlocks);
    for (auto& one : blocks)
      one = std::make_unique<char[]>(wanted);
    const auto each = static_cast<double>(process_memory().allocated - before) / kBlocks;
    const double places = sizeof(blocks[0]);
    EXPECT_NEAR(each, static_cast<double>(heap_block(wanted)) + places, 2.0) << wanted;
  }
}

#endif

}  // namespace
}  // namespace postern
