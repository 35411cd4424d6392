// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <vector>

namespace postern::gateway {

/// The addresses at which listeners can be reached from this machine: one on 0.0.0.0 or [::] is
/// there at every address of its family. Mail that would be delivered to one of them would loop.
std::vector<net::Endpoint> own_endpoints(const std::vector<net::Endpoint>& bound);

}  // namespace postern::gateway
