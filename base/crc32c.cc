// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace postern {
namespace {

constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1U) != 0 ? crc >> 1U ^ 0x82f63b78U : crc >> 1U;
    tables[0][i] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t below = tables[slice - 1][i];
      tables[slice][i] = tables[0][below & 255U] ^ below >> 8U;
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t little_endian(const char* at) {
  std::array<unsigned char, 4> b{};
  std::memcpy(b.data(), at, b.size());
  return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8U |
         static_cast<std::uint32_t>(b[2]) << 16U | static_cast<std::uint32_t>(b[3]) << 24U;
}

/// `crc` is inverted here and below, as the polynomial's remainder is.
std::uint32_t by_tables(std::string_view octets, std::uint32_t crc) {
  const auto& t = kTables;
  while (octets.size() >= kSlices) {
    const std::uint32_t low = little_endian(octets.data()) ^ crc;
    const std::uint32_t high = little_endian(octets.data() + 4);
    crc = t[7][low & 255U] ^ t[6][low >> 8U & 255U] ^ t[5][low >> 16U & 255U] ^ t[4][low >> 24U] ^
          t[3][high & 255U] ^ t[2][high >> 8U & 255U] ^ t[1][high >> 16U & 255U] ^
          t[0][high >> 24U];
    octets.remove_prefix(kSlices);
  }
  for (const char c : octets) {
    crc = t[0][(crc ^ static_cast<unsigned char>(c)) & 255U] ^ crc >> 8U;
  }
  return crc;
}

#if defined(__x86_64__)

// The instruction takes three cycles and one may begin in each: three lanes side by side.
constexpr std::size_t kLane = 1024;
constexpr std::size_t kLanes = 3;

using Advance = std::array<std::array<std::uint32_t, 256>, 4>;

/// What a remainder becomes behind kLane zero octets, by each of its octets.
constexpr Advance make_advance() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < of_bit.size(); ++bit) {
    std::uint32_t crc = 1U << bit;
    for (std::size_t i = 0; i < kLane; ++i)
      crc = kTables[0][crc & 255U] ^ crc >> 8U;
    of_bit[bit] = crc;
  }
  Advance advance{};
  for (std::size_t octet = 0; octet < advance.size(); ++octet) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1U) != 0) advance[octet][value] ^= of_bit[8 * octet + bit];
      }
    }
  }
  return advance;
}

constexpr Advance kAdvance = make_advance();

std::uint32_t advanced(std::uint64_t crc) {
  return kAdvance[0][crc & 255U] ^ kAdvance[1][crc >> 8U & 255U] ^ kAdvance[2][crc >> 16U & 255U] ^
         kAdvance[3][crc >> 24U & 255U];
}

std::uint64_t word(const char* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

[[gnu::target("sse4.2")]] std::uint32_t by_instruction(std::string_view octets, std::uint64_t crc) {
  for (; octets.size() >= kLanes * kLane; octets.remove_prefix(kLanes * kLane)) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    const char* const at = octets.data();
    for (std::size_t i = 0; i < kLane; i += sizeof(std::uint64_t)) {
      crc = _mm_crc32_u64(crc, word(at + i));
      second = _mm_crc32_u64(second, word(at + kLane + i));
      third = _mm_crc32_u64(third, word(at + 2 * kLane + i));
    }
    crc = advanced(advanced(crc) ^ second) ^ third;
  }
  for (; octets.size() >= sizeof(std::uint64_t); octets.remove_prefix(sizeof(std::uint64_t)))
    crc = _mm_crc32_u64(crc, word(octets.data()));
  auto rest = static_cast<std::uint32_t>(crc);
  for (const char c : octets)
    rest = _mm_crc32_u8(rest, static_cast<unsigned char>(c));
  return rest;
}

#endif

using Remainder = std::uint32_t (*)(std::string_view octets, std::uint32_t crc);

Remainder fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2") != 0) {
    return [](std::string_view octets, std::uint32_t crc) { return by_instruction(octets, crc); };
  }
#endif
  return by_tables;
}

}  // namespace

std::uint32_t crc32c(std::string_view octets, std::uint32_t before) {
  static const Remainder remainder = fastest();
  return ~remainder(octets, ~before);
}

std::uint32_t crc32c_by_tables(std::string_view octets, std::uint32_t before) {
  return ~by_tables(octets, ~before);
}

}  // namespace postern
