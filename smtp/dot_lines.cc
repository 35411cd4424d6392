// SPDX-License-Identifier: Apache-2.0
#include "smtp/dot_lines.h"

#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace postern::smtp {
namespace {

#ifdef __SSE2__
constexpr std::size_t kAtATime = 16;

/// Which of 16 octets are an LF with a dot behind it; reads 17.
__m128i dot_lines(const char* at) {
  const auto equal = [](const char* from, char c) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm_cmpeq_epi8(block, _mm_set1_epi8(c));
  };
  return _mm_and_si128(equal(at, '\n'), equal(at + 1, '.'));
}
#endif

}  // namespace

std::size_t find_dot_line(std::string_view octets, std::size_t from) {
  // The LF may be the octet before.
  std::size_t at = from == 0 ? 0 : from - 1;
#ifdef __SSE2__
  const char* const begin = octets.data();
  const std::size_t size = octets.size();
  for (; at + 2 * kAtATime < size; at += 2 * kAtATime) {
    const __m128i first = dot_lines(begin + at);
    const __m128i second = dot_lines(begin + at + kAtATime);
    if (_mm_movemask_epi8(_mm_or_si128(first, second)) == 0) continue;
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(first)) |
                      static_cast<unsigned>(_mm_movemask_epi8(second)) << kAtATime;
    return at + static_cast<unsigned>(std::countr_zero(mask)) + 1;
  }
#endif
  const std::size_t lf = octets.find("\n.", at);
  return lf == std::string_view::npos ? lf : lf + 1;
}

}  // namespace postern::smtp
