// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace postern::gateway {

/// A short id that no other letter or session of this host gets, also after a restart: time and a
/// counter in letters and digits that are hard to confuse. Any thread.
std::string new_id();

}  // namespace postern::gateway
