// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

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

}  // namespace

std::uint32_t crc32c(std::string_view octets, std::uint32_t before) {
  std::uint32_t crc = ~before;
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
  return ~crc;
}

}  // namespace postern
