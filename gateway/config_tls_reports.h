// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace postern::gateway {

/// `[mta_sts]`: how MTA-STS policies are fetched.
struct MtaStsConfig {
  std::string ca;  ///< PEM file of the authorities for web servers; empty: the system's
};

/// `[tls_report]`: what TLS reports say of who makes them.
struct TlsReportConfig {
  std::string from;          ///< the mailbox that they are from; empty: none are made
  std::string organization;  ///< empty: the domain of `from`
  std::string contact;       ///< empty: `from`
};

}  // namespace postern::gateway
