// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"
#include "gateway/recorded_envelope.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern::gateway;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What is read can be written, and is read as the same; reading ends.
void check(std::string_view octets) {
  RecordReader reader(octets);
  std::size_t records = 0;
  for (RecordedEnvelope one; reader.next(one); ++records) {
    std::string written;
    append_record(one, written);
    RecordReader again(written);
    RecordedEnvelope same;
    require(again.next(same) && same == one);
    require(again.position() == written.size() && again.damaged() == 0);
  }
  require(reader.position() <= octets.size());
  RecordReader skipping(octets);
  std::size_t whole = 0;
  while (skipping.skip())
    ++whole;
  require(whole >= records && skipping.position() == reader.position());
}

std::string number(std::uint32_t value) {
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>(value >> shift);
  return out;
}

}  // namespace

/// The input as a file, and as the fields of one record whose checksum is right, between two whole
/// ones.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(input);
  std::string good;
  append_record(RecordedEnvelope(), good);
  std::string file = good + "PsE1" + number(static_cast<std::uint32_t>(input.size())) +
                     number(postern::crc32c(input));
  file += input;
  file += good;
  check(file);
  return 0;
}
