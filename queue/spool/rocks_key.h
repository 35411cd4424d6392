// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/message_id.h"

#include <cstddef>
#include <string_view>

namespace postern::spool {

/// A key of the database: what it is of, and the id big-endian, so that their order is the order of
/// time.
enum class RocksSpace : char {
  ledger = 'L',  ///< one octet alone
  body = 'b',
  record = 'e',
};
inline constexpr std::size_t kKeyOctets = 9;

/// The id in a key of that space; zero: it is of another.
MessageId id_in_key(RocksSpace space, std::string_view key);

}  // namespace postern::spool
