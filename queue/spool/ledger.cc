// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/ledger.h"

#include "base/crc32c.h"
#include "queue/spool/codec.h"
#include "queue/spool/errors.h"

#include <array>

namespace postern::spool {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumOctets = 4;

constexpr std::array kFields = {&Ledger::accepted,
                                &Ledger::delivered,
                                &Ledger::failed,
                                &Ledger::discarded,
                                &Ledger::queued,
                                &Ledger::damaged,
                                &Ledger::messages,
                                &Ledger::octets};

}  // namespace

Ledger& Ledger::operator+=(const Ledger& other) {
  for (const auto field : kFields)
    this->*field += other.*field;
  return *this;
}

Ledger& Ledger::operator-=(const Ledger& other) {
  for (const auto field : kFields)
    this->*field -= other.*field;
  return *this;
}

std::string encode_ledger(const LedgerRecord& record) {
  std::string bytes;
  ByteWriter out(bytes);
  out.octet(kVersion);
  for (const auto field : kFields)
    out.signed_number(record.ledger.*field);
  out.number(record.last_id.value());
  out.fixed32(crc32c(bytes));
  return bytes;
}

Result<LedgerRecord> decode_ledger(std::string_view bytes) {
  if (bytes.size() <= kChecksumOctets) return make_error_code(Errc::bad_record);
  const std::string_view fields = bytes.substr(0, bytes.size() - kChecksumOctets);
  ByteReader tail(bytes.substr(fields.size()));
  if (tail.fixed32() != crc32c(fields)) return make_error_code(Errc::bad_record);
  ByteReader in(fields);
  LedgerRecord record;
  if (in.octet() != kVersion) return make_error_code(Errc::bad_record);
  for (const auto field : kFields)
    record.ledger.*field = in.signed_number();
  record.last_id = MessageId(in.number());
  if (!in.good() || !in.at_end()) return make_error_code(Errc::bad_record);
  return record;
}

}  // namespace postern::spool
