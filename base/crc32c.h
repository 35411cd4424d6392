// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `octets`, continued from `before` (0: the start).
std::uint32_t crc32c(std::string_view octets, std::uint32_t before = 0);

}  // namespace postern
