// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"

// Where clients come from, how much each may do, and [metrics].

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kWeek = 7 * 24h;

}  // namespace

void read_listener_clients(Section& section, ListenerConfig& listener) {
  section.read("proxy_protocol", listener.proxy_protocol);
  section.read("xclient", listener.xclient);
  section.read("xforward", listener.xforward);
}

void read_client_limits(Section& section, LimitsConfig& limits) {
  ClientLimits& clients = limits.clients;
  read_rate(section, "connections_per_client", clients.connections);
  read_rate(section, "messages_per_client", clients.messages);
  read_rate(section, "recipients_per_client", clients.recipients);
  section.read<unsigned>("client_prefix_v4", clients.prefix_v4, 8, 32);
  section.read<unsigned>("client_prefix_v6", clients.prefix_v6, 16, 128);
  IpSet exempt;
  section.read("exempt", exempt);
  if (section.has("exempt")) clients.exempt = std::move(exempt);
  section.read_size("data_rate", limits.server.data_rate, 0, 1ULL << 30);
  section.read("session_lifetime", limits.server_timeouts.session, 1s, kWeek);
  section.read("proxy_timeout", limits.server_timeouts.proxy, 1s, 300s);
}

void read_metrics(Reader& reader, Section& section) {
  std::string& listen = reader.config.metrics.listen;
  section.read("listen", listen);
  if (listen.empty()) return;
  const Parsed<Bind> bind = parse_bind(listen);
  if (!bind) section.fail("listen", "bad-address", bind.error().text);
}

}  // namespace postern::gateway
