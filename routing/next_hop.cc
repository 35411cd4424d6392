// SPDX-License-Identifier: Apache-2.0
#include "routing/next_hop.h"

#include "base/endpoint_text.h"

namespace postern::routing {

std::string HostSpec::str() const {
  if (mx) return "mx:" + host;
  return host_port(host, port);
}

NextHopLimits NextHopLimits::for_behaviour(Behaviour behaviour) {
  NextHopLimits limits;
  if (behaviour == Behaviour::exchange) {
    // Exchange refuses the 21st connection of one source, takes 200 recipients, and cuts a session
    // at 10 minutes even when it is busy.
    limits.connections_per_host = 12;
    limits.recipients_per_transaction = 200;
    limits.messages_per_connection = 100;
    limits.connection_lifetime = std::chrono::seconds(510);
    limits.idle = std::chrono::seconds(60);
  }
  return limits;
}

}  // namespace postern::routing
