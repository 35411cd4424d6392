// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace postern {

/// What this host is called (gethostname(2)), often without a domain; "localhost" where the system
/// has no name for it. Any thread. Nothing says that it is a name that SMTP allows.
std::string host_name();

}  // namespace postern
