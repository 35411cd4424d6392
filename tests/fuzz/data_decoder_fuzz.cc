// SPDX-License-Identifier: Apache-2.0
#include "smtp/data_decoder.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

// The decoder against one that works octet by octet, in pieces whose sizes the input chooses.
namespace {

using namespace postern::smtp;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Decoded {
  std::string octets;
  std::size_t consumed = 0;
  bool done = false;
  bool bare = false;
  bool nul = false;
  bool dots = false;
};

Decoded decode_in_pieces(std::string_view input, std::string_view sizes) {
  Decoded out;
  DataDecoder decoder;
  for (std::size_t at = 0, turn = 0; at < input.size() && !out.done; ++turn) {
    const std::size_t wanted =
        sizes.empty() ? input.size() : static_cast<unsigned char>(sizes[turn % sizes.size()]) + 1U;
    std::string piece(input.substr(at, wanted));
    const std::size_t given = piece.size();
    const DataDecoder::Step step = decoder.decode(piece.data(), piece.size());
    require(step.consumed <= given && step.produced <= step.consumed);
    require(step.done || step.consumed == given);
    out.octets.append(piece, 0, step.produced);
    at += step.consumed;
    out.consumed = at;
    out.done = step.done;
  }
  out.bare = decoder.violations().bare_cr || decoder.violations().bare_lf;
  out.nul = decoder.violations().nul;
  out.dots = decoder.saw_dots();
  return out;
}

/// RFC 5321 4.5.2, word by word: ends at CRLF.CRLF; a dot at the start of a line is dropped.
Decoded decode_plainly(std::string_view input) {
  Decoded out;
  bool line_start = true;
  for (std::size_t i = 0; i < input.size() && !out.done;) {
    if (line_start && input[i] == '.') {
      if (input.substr(i, 3) == ".\r\n") {
        out.done = true;
        out.consumed = i + 3;
        break;
      }
      ++i;
      line_start = false;
      continue;
    }
    out.octets += input[i];
    ++i;
    line_start = out.octets.ends_with("\r\n") && i >= 2 && input.substr(i - 2, 2) == "\r\n";
  }
  return out;
}

/// What a next hop would take for the end of the message, or undo.
bool has_dot_line(std::string_view octets) {
  return octets.starts_with('.') || octets.find("\n.") != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t count = std::min<std::size_t>(data[0] % 8U, size - 1);
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view sizes = all.substr(0, count);
  const std::string_view input = all.substr(count);
  const Decoded whole = decode_in_pieces(input, {});
  const Decoded pieces = decode_in_pieces(input, sizes);
  require(whole.done == pieces.done && whole.bare == pieces.bare && whole.nul == pieces.nul);
  const Decoded plain = decode_plainly(input);
  require(plain.done == whole.done);
  if (whole.done) require(plain.consumed == whole.consumed && whole.consumed == pieces.consumed);
  require(whole.dots == pieces.dots);
  // A dot that was undone may have stood before anything; whether a line is left that begins with
  // one is what a next hop would stumble over.
  if (whole.done && !whole.bare) require(whole.dots || !has_dot_line(whole.octets));
  // A message with a bare CR or LF is refused, so only a clean one has to be kept to the octet.
  if (whole.done && !whole.bare)
    require(whole.octets == plain.octets && pieces.octets == plain.octets);
  if (whole.done) require(whole.nul == (plain.octets.find('\0') != std::string::npos));
  return 0;
}
