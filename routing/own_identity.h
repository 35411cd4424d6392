// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace postern::routing {

/// As whom the gateway sends TLS reports. Other domains' policies of TLS do not count for them:
/// what tells of broken TLS must arrive (RFC 8460 section 3).
inline constexpr std::string_view kTlsReportIdentity = "postern TLS report";

}  // namespace postern::routing
