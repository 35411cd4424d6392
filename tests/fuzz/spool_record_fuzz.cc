// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/ledger.h"
#include "queue/spool/packed.h"
#include "queue/spool/record.h"

#include <cstdlib>
#include <string>
#include <string_view>

// encode(decode(x)) == x for every record and ledger that decodes; what decodes has a good
// checksum, so that one flipped bit of it does not. With the first octet odd the checksum is made
// right, which lets the fuzzer reach the fields behind it.
namespace {

using namespace postern::spool;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_record(std::string bytes, bool reseal) {
  if (reseal) reseal_record(bytes);
  const auto record = decode_record(bytes);
  if (!record) return;
  std::string again;
  encode_record(*record, again);
  require(again == bytes);
  std::string flipped = bytes;
  const std::size_t at = bytes.size() / 2;
  flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ 0x10U);
  require(!decode_record(flipped));
}

void check_ledger(std::string_view bytes) {
  if (const auto ledger = decode_ledger(bytes)) require(encode_ledger(*ledger) == bytes);
}

/// Whatever a damaged disk gives back for a body: an error, or octets that pack() could have held.
void check_body(std::string_view bytes) {
  const auto body = unpack(bytes);
  if (!body) return;
  Packer packer;
  const std::string_view parts[] = {*body};
  const auto again = unpack(packer.pack(parts));
  require(again && *again == *body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_record(std::string(input), (data[0] & 1U) != 0);
  check_ledger(input);
  check_body(input);
  return 0;
}
