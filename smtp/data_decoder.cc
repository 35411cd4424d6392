// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"

#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace postern::smtp {
namespace {

#ifdef __SSE2__
constexpr std::ptrdiff_t kBlock = 16;
constexpr std::ptrdiff_t kBlocks = 4;  ///< that are looked at together

struct Masks {
  unsigned cr, lf, nul;
};

__m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

Masks masks_of(__m128i block) {
  const auto equal = [block](char c) {
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c))));
  };
  return {equal('\r'), equal('\n'), equal('\0')};
}

/// Where an octet is CR or below it: CR, LF, NUL, and a few that mean nothing here.
__m128i controls(__m128i block) {
  return _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8('\r')), block);
}
#endif

/// The front of `octets` up to and with the CRLF that a line with a dot follows; all of it when
/// there is none. (memmem takes an octet at a time for so short a needle.)
std::string_view until_dot_line(std::string_view octets) {
  const char* at = octets.data();
  const char* const end = at + octets.size();
#ifdef __SSE2__
  for (; end - at >= 18; at += 16) {
    const auto equal = [](const char* from, char c) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      return _mm_cmpeq_epi8(block, _mm_set1_epi8(c));
    };
    const __m128i hits =
        _mm_and_si128(_mm_and_si128(equal(at, '\r'), equal(at + 1, '\n')), equal(at + 2, '.'));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
    if (mask != 0) {
      const auto front = static_cast<std::size_t>(at - octets.data());
      return octets.substr(0, front + static_cast<unsigned>(std::countr_zero(mask)) + 2);
    }
  }
#endif
  const std::size_t hit = octets.find("\r\n.", static_cast<std::size_t>(at - octets.data()));
  return hit == std::string_view::npos ? octets : octets.substr(0, hit + 2);
}

}  // namespace

void ContentScanner::scan(std::string_view octets) {
  const char* at = octets.data();
  const char* const end = at + octets.size();
  bool cr = previous_cr_;
#ifdef __SSE2__
  __m128i high = _mm_setzero_si128();
  const auto look_at = [&](__m128i block) {
    if (!cr && _mm_movemask_epi8(controls(block)) == 0) return;
    // Every LF must stand one place behind a CR, and every CR one place before an LF.
    const Masks m = masks_of(block);
    const unsigned behind_cr = (m.cr << 1U) | (cr ? 1U : 0U);
    violations_.bare_lf |= (m.lf & ~behind_cr & 0xffffU) != 0;
    violations_.bare_cr |= (behind_cr & ~m.lf & 0xffffU) != 0;
    violations_.nul |= m.nul != 0;
    cr = (m.cr & 0x8000U) != 0;
  };
  for (; end - at >= kBlocks * kBlock; at += kBlocks * kBlock) {
    const __m128i block[kBlocks] = {
        load(at), load(at + kBlock), load(at + 2 * kBlock), load(at + 3 * kBlock)};
    high = _mm_or_si128(
        high, _mm_or_si128(_mm_or_si128(block[0], block[1]), _mm_or_si128(block[2], block[3])));
    const __m128i any = _mm_or_si128(_mm_or_si128(controls(block[0]), controls(block[1])),
                                     _mm_or_si128(controls(block[2]), controls(block[3])));
    if (!cr && _mm_movemask_epi8(any) == 0) continue;
    for (const __m128i& one : block)
      look_at(one);
  }
  for (; end - at >= kBlock; at += kBlock) {
    const __m128i block = load(at);
    high = _mm_or_si128(high, block);
    look_at(block);
  }
  saw_8bit_ |= _mm_movemask_epi8(high) != 0;
#endif
  for (; at != end; ++at) {
    const char c = *at;
    if (cr != (c == '\n')) (cr ? violations_.bare_cr : violations_.bare_lf) = true;
    violations_.nul |= c == '\0';
    saw_8bit_ |= (static_cast<unsigned char>(c) & 0x80U) != 0;
    cr = c == '\r';
  }
  previous_cr_ = cr;
}

void ContentScanner::end() {
  if (previous_cr_) violations_.bare_cr = true;
  previous_cr_ = false;
}

DataDecoder::Step DataDecoder::decode(char* data, std::size_t size) {
  Step step;
  while (step.consumed < size && !step.done) {
    if (state_ == State::middle) {
      pass_run(data, size, step);
    } else {
      pass_edge(data, step);
    }
  }
  scanner_.scan({data, step.produced});
  return step;
}

/// Everything up to the next line that begins with a dot, in one piece.
void DataDecoder::pass_run(char* data, std::size_t size, Step& step) {
  const std::string_view run = until_dot_line({data + step.consumed, size - step.consumed});
  // Before the octets move: the view's own may change under it.
  state_ = run.ends_with("\r\n") ? State::line_start
           : run.ends_with('\r') ? State::cr
                                 : State::middle;
  if (step.produced != step.consumed) std::memmove(data + step.produced, run.data(), run.size());
  step.produced += run.size();
  step.consumed += run.size();
}

/// The octet at a place where it may be the end, or the dot that hides one.
void DataDecoder::pass_edge(char* data, Step& step) {
  const char octet = data[step.consumed];
  if (state_ == State::line_start) {
    // The dot is the end or a stuffed one: it is no octet of the message either way.
    state_ = octet == '.' ? State::dot : State::middle;
    if (octet == '.') ++step.consumed;
  } else if (state_ == State::dot) {
    state_ = octet == '\r' ? State::dot_cr : State::middle;
    if (octet == '\r') ++step.consumed;
  } else if (state_ == State::cr) {
    state_ = octet == '\n' ? State::line_start : State::middle;
    if (octet == '\n') data[step.produced++] = data[step.consumed++];
  } else if (octet == '\n') {
    ++step.consumed;
    step.done = true;
  } else {
    // CRLF.CR without LF: the message is refused for it; the CR is kept where there is room.
    if (step.produced < step.consumed) {
      data[step.produced++] = '\r';
    } else {
      scanner_.scan("\r");
    }
    state_ = State::cr;
  }
}

}  // namespace postern::smtp
