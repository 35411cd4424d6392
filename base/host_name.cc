// SPDX-License-Identifier: Apache-2.0
#include "base/host_name.h"

#include <array>
#include <unistd.h>

namespace postern {

std::string host_name() {
  // HOST_NAME_MAX is 64 on Linux, 255 in POSIX; the last octet stays 0 where a name is cut off.
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace postern
