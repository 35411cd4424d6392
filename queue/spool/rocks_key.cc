// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/rocks_key.h"

#include <cstdint>

namespace postern::spool {

MessageId id_in_key(RocksSpace space, std::string_view key) {
  if (key.size() != kKeyOctets || key.front() != static_cast<char>(space)) return {};
  std::uint64_t value = 0;
  for (const char c : key.substr(1))
    value = value << 8U | static_cast<unsigned char>(c);
  return MessageId(value);
}

}  // namespace postern::spool
