// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace postern {

/// "Tue, 24 Nov 2026 08:00:00 +0000" (RFC 5322 3.3), always UTC.
std::string rfc5322_date(std::chrono::system_clock::time_point when);

}  // namespace postern
