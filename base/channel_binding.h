// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace postern {

/// What ties a SASL exchange to the TLS connection that it goes over (RFC 5056): octets that a man
/// in the middle, who has another connection with each side, cannot make equal.
struct ChannelBinding {
  std::string
      type;  ///< as registered: "tls-exporter" (RFC 9266), "tls-server-end-point" (RFC 5929)
  std::string data;  ///< octets
};
using ChannelBindings = std::vector<ChannelBinding>;

}  // namespace postern
