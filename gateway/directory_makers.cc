// SPDX-License-Identifier: Apache-2.0
#include "gateway/directory_makers.h"

namespace postern::gateway {

DirectoryMakers& makers_of_process() {
  static DirectoryMakers makers;
  return makers;
}

}  // namespace postern::gateway
