// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/message_id.h"

#include <cstddef>
#include <string_view>

namespace postern::spool {

/// A key of the database: what it is of, and (but for those that stand alone) the id big-endian, so
/// that their order is the order of time.
enum class RocksSpace : char {
  frame = 'F',          ///< and its place: the database has the batch of that frame of a segment
  sealed = 'G',         ///< alone: the last segment whose frames are all in the database, durably
  ledger = 'L',         ///< alone
  segment_place = 'S',  ///< of a body that is in a segment
  body = 'b',
  record = 'e',  ///< the last of all: Store::last_id() looks there
};
inline constexpr std::size_t kKeyOctets = 9;

/// The id in a key of that space; zero: it is of another.
MessageId id_in_key(RocksSpace space, std::string_view key);

}  // namespace postern::spool
