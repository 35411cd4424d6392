// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"

#include "smtp/dot_lines.h"

#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace postern::smtp {
namespace {

#ifdef __SSE2__
constexpr std::ptrdiff_t kBlock = 16;
/// A message that has waited comes from far memory, and the processor's own foresight ends with
/// each page.
constexpr std::ptrdiff_t kAhead = 1024;

__m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

std::uint64_t where(__m128i block, char c) {
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c))));
}

/// What has been seen of a run, a step of up to 64 octets at a time. No branch depends on what is
/// in a step: nearly every one has a line end.
struct Sight {
  __m128i high = _mm_setzero_si128();     ///< all octets, or-ed
  __m128i least = _mm_set1_epi8('\x7f');  ///< the smallest one of each column
  std::uint64_t bare_cr = 0;
  std::uint64_t bare_lf = 0;
  std::uint64_t cr_before = 0;  ///< 1: the octet before is a CR

  template <int blocks>
  void step(const char* at) {
    constexpr int kOctets = blocks * static_cast<int>(kBlock);
    std::uint64_t cr = 0;
    std::uint64_t lf = 0;
    for (int i = 0; i < blocks; ++i) {
      const __m128i block = load(at + i * kBlock);
      high = _mm_or_si128(high, block);
      least = _mm_min_epu8(least, block);
      cr |= where(block, '\r') << (i * kBlock);
      lf |= where(block, '\n') << (i * kBlock);
    }
    // Every LF must stand one place behind a CR, and every CR one place before an LF.
    const std::uint64_t behind_cr = (cr << 1U | cr_before) & (~std::uint64_t{0} >> (64 - kOctets));
    bare_cr |= behind_cr & ~lf;
    bare_lf |= lf & ~behind_cr;
    cr_before = cr >> (kOctets - 1);
  }
};
#endif

/// The front of `octets` up to and with the CRLF that a line with a dot follows; all of it when
/// there is none.
std::string_view until_dot_line(std::string_view octets) {
  for (std::size_t dot = 0;;) {
    dot = find_dot_line(octets, dot);
    if (dot == std::string_view::npos) return octets;
    if (dot >= 2 && octets[dot - 2] == '\r') return octets.substr(0, dot);
    ++dot;
  }
}

}  // namespace

void ContentScanner::scan(std::string_view octets) {
  const char* at = octets.data();
  const char* const end = at + octets.size();
  bool cr = previous_cr_;
#ifdef __SSE2__
  Sight sight;
  sight.cr_before = cr ? 1 : 0;
  for (; end - at >= 4 * kBlock; at += 4 * kBlock) {
    _mm_prefetch(at + kAhead, _MM_HINT_T0);
    sight.step<4>(at);
  }
  for (; end - at >= kBlock; at += kBlock)
    sight.step<1>(at);
  violations_.bare_cr |= sight.bare_cr != 0;
  violations_.bare_lf |= sight.bare_lf != 0;
  violations_.nul |= where(sight.least, '\0') != 0;
  saw_8bit_ |= _mm_movemask_epi8(sight.high) != 0;
  cr = sight.cr_before != 0;
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
    if (octet == '\r') {
      ++step.consumed;
    } else {
      saw_dots_ = true;
    }
  } else if (state_ == State::cr) {
    state_ = octet == '\n' ? State::line_start : State::middle;
    if (octet == '\n') data[step.produced++] = data[step.consumed++];
  } else if (octet == '\n') {
    ++step.consumed;
    step.done = true;
  } else {
    saw_dots_ = true;
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
