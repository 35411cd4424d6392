// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `octets`, continued from `before` (0: the start).
/// By the processor's instruction where it has one. Any thread.
std::uint32_t crc32c(std::string_view octets, std::uint32_t before = 0);
/// The same on any processor, some ten times slower; crc32c() takes it where it must.
std::uint32_t crc32c_by_tables(std::string_view octets, std::uint32_t before = 0);

}  // namespace postern
