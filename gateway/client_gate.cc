// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_gate.h"

#include "base/metrics.h"
#include "smtp/replies.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace postern::gateway {
namespace {

using Admitted = Admission::Verdict;

IpAddress client_of(const Config& config, const IpAddress& address) {
  const ClientLimits& limits = config.limits.clients;
  return prefix_of(address, limits.prefix_v4, limits.prefix_v6);
}

AdmissionLimits admission_limits(const Config& config) {
  return {config.limits.sessions, config.limits.sessions_per_client};
}

}  // namespace

bool is_exempt(const Config& config, const IpAddress& client) {
  const routing::Config& routing = config.routing;
  if (routing.gateways.intermediate_mx.contains(client)) return true;
  if (config.limits.clients.exempt) return config.limits.clients.exempt->contains(client);
  const auto is_source = [&client](const routing::NextHop& hop) {
    return hop.sources.contains(client);
  };
  return routing.allow_without_auth.contains(client) ||
         std::any_of(routing.next_hops.begin(), routing.next_hops.end(), is_source);
}

/// Counts and tells it.
smtp::Reply ClientGate::refuse(ClientLimit limit,
                               std::string_view listener,
                               const IpAddress& client,
                               smtp::Reply reply) {
  if (limit == ClientLimit::messages || limit == ClientLimit::recipients) {
    metrics::counter("postern_limited_total", {limit_name(limit)}).add();
  } else {
    const std::string reason = std::string(limit_name(limit)) + "_per_client";
    metrics::counter("postern_sessions_refused_total", {reason}).add();
  }
  const ClientCounters::Telling telling = counters_.refused(limit, client);
  if (!telling.tell) return reply;
  spdlog::warn("{}client {} is over limits.{}_per_client: {}{}",
               listener.empty() ? "" : fmt::format("listener {}: ", listener),
               client.to_string(),
               limit_name(limit),
               reply.line(),
               telling.held_back == 0 ? "" : fmt::format("; {} more before", telling.held_back));
  return reply;
}

bool ClientGate::has_connection(const Config& config, const IpAddress& client) {
  return counters_.take(ClientLimit::connections, client, config.limits.clients.connections);
}

smtp::Reply ClientGate::enter(const Config& config,
                              std::string_view listener,
                              const IpAddress& address,
                              bool for_others,
                              Admission::Ticket& out) {
  const IpAddress client = client_of(config, address);
  const bool exempt = for_others || is_exempt(config, address);
  if (!exempt && !has_connection(config, client))
    return refuse(
        ClientLimit::connections, listener, client, smtp::replies::too_many_connections());
  switch (admission_.admit(client, admission_limits(config), exempt, out)) {
    case Admitted::admitted:
      return {};
    case Admitted::too_many_from_client:
      return refuse(ClientLimit::sessions, listener, client, smtp::replies::too_many_from_client());
    case Admitted::too_many_sessions:
      break;
  }
  metrics::counter("postern_sessions_refused_total", {"sessions"}).add();
  // Of nobody in particular: all of these are one client to whoever reads the log.
  const ClientCounters::Telling telling = counters_.refused(ClientLimit::sessions, IpAddress());
  if (telling.tell)
    spdlog::warn("listener {}: {} turned away: too many sessions{}",
                 listener,
                 address.to_string(),
                 telling.held_back == 0 ? "" : fmt::format("; {} more before", telling.held_back));
  return smtp::replies::too_many_sessions();
}

smtp::Reply ClientGate::move(const Config& config,
                             std::string_view listener,
                             const IpAddress& address,
                             Admission::Ticket& ticket) {
  const IpAddress client = client_of(config, address);
  const bool exempt = is_exempt(config, address);
  if (!exempt && !has_connection(config, client))
    return refuse(
        ClientLimit::connections, listener, client, smtp::replies::too_many_connections());
  const Admitted verdict = admission_.move(client, admission_limits(config), exempt, ticket);
  if (verdict == Admitted::admitted) return {};
  return refuse(ClientLimit::sessions, listener, client, smtp::replies::too_many_from_client());
}

smtp::Reply ClientGate::message(const Config& config, const IpAddress& address) {
  const ClientLimits& limits = config.limits.clients;
  if (limits.messages.count == 0 || is_exempt(config, address)) return {};
  const IpAddress client = client_of(config, address);
  if (counters_.take(ClientLimit::messages, client, limits.messages)) return {};
  return refuse(ClientLimit::messages, {}, client, smtp::replies::too_many_messages_of_client());
}

smtp::Reply ClientGate::recipient(const Config& config, const IpAddress& address) {
  const ClientLimits& limits = config.limits.clients;
  if (limits.recipients.count == 0 || is_exempt(config, address)) return {};
  const IpAddress client = client_of(config, address);
  if (counters_.take(ClientLimit::recipients, client, limits.recipients)) return {};
  return refuse(
      ClientLimit::recipients, {}, client, smtp::replies::too_many_recipients_of_client());
}

}  // namespace postern::gateway
