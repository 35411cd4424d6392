// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/envelope.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::spool {

/// Where a message's octets are.
enum class BodyPlace : std::uint8_t {
  database,  ///< one value beside the record
  file,      ///< a file of its own, named by the id
};

/// What is stored of a message: its envelope, and how to find and check its octets.
struct Record {
  Envelope envelope;
  BodyPlace place = BodyPlace::database;
  std::uint32_t body_crc = 0;  ///< CRC-32C of a file's octets; the database checks its own values
};

/// Appends the record's form (README.md beside this): version, checksum, fields.
void encode_record(const Record& record, std::string& out);
/// Takes back exactly what encode_record() writes: `encode(decode(x)) == x`. Errc::bad_record for
/// anything else, another version included. Bounds-checked; allocates in proportion to `bytes`.
Result<Record> decode_record(std::string_view bytes);
/// Makes the checksum right; for tests and fuzz targets that want to reach what is behind it.
void reseal_record(std::string& bytes);

}  // namespace postern::spool
