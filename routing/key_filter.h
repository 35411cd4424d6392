// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace postern::routing {

/// Says of most keys that are not in a table that they are not, from memory small enough to stay in
/// the cache: lists that name a few are asked about everybody. One bit a key (a Bloom filter with
/// one hash), 16 bits or more of room for each: about 1 in 20 of the others may be there for all it
/// knows. A value; any thread once filled.
class KeyFilter {
 public:
  /// Makes room for so many keys and forgets all; 0: says of every key that it may be there.
  void reset(std::size_t keys) {
    words_.assign(keys == 0 ? 0 : std::bit_ceil(keys * kBitsPerKey / kWord + 1), 0);
  }
  /// `hash`: all its bits must depend on the key.
  void add(std::uint32_t hash) {
    if (!words_.empty()) words_[word_of(hash)] |= bit_of(hash);
  }
  bool may_have(std::uint32_t hash) const {
    return words_.empty() || (words_[word_of(hash)] & bit_of(hash)) != 0;
  }

 private:
  static constexpr std::size_t kBitsPerKey = 16;
  static constexpr std::size_t kWord = 64;

  std::size_t word_of(std::uint32_t hash) const { return (hash / kWord) & (words_.size() - 1); }
  static std::uint64_t bit_of(std::uint32_t hash) { return std::uint64_t{1} << (hash % kWord); }

  std::vector<std::uint64_t> words_;
};

}  // namespace postern::routing
