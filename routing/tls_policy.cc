// SPDX-License-Identifier: Apache-2.0
#include "routing/tls_policy.h"

namespace postern::routing {

std::string_view tls_level_name(TlsLevel level) {
  switch (level) {
    case TlsLevel::none:
      return "none";
    case TlsLevel::may:
      return "may";
    case TlsLevel::encrypt:
      return "encrypt";
    case TlsLevel::verify:
      return "verify";
    case TlsLevel::dane:
      return "dane";
    case TlsLevel::dane_only:
      return "dane-only";
    case TlsLevel::sts:
      return "sts";
  }
  return "may";
}

}  // namespace postern::routing
