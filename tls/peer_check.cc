// SPDX-License-Identifier: Apache-2.0
#include "tls/peer_check.h"

namespace postern::tls {

std::string_view verified_by_name(PeerOutcome::By by) {
  switch (by) {
    case PeerOutcome::By::nothing:
      return "";
    case PeerOutcome::By::chain:
      return "chain";
    case PeerOutcome::By::pin:
      return "pin";
    case PeerOutcome::By::dane:
      return "dane";
  }
  return "";
}

bool is_usable(const TlsaRecord& record) {
  constexpr std::size_t kSha256 = 32;
  constexpr std::size_t kSha512 = 64;
  const bool usage = record.usage == 2 || record.usage == 3;
  if (!usage || record.selector > 1) return false;
  switch (record.matching) {
    case 0:
      return !record.data.empty();
    case 1:
      return record.data.size() == kSha256;
    case 2:
      return record.data.size() == kSha512;
    default:
      return false;
  }
}

}  // namespace postern::tls
