// SPDX-License-Identifier: Apache-2.0
#include "directories/config.h"

namespace postern::directories {

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::ldap:
      return "ldap";
    case Kind::sql:
      return "sql";
    case Kind::smtp:
      break;
  }
  return "smtp";
}

}  // namespace postern::directories
