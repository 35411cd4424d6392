// SPDX-License-Identifier: Apache-2.0
#include "gateway/runtime.h"

#include "auth/mechanism.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {
namespace {

ListenerRuntime make_listener(const ListenerConfig& listener,
                              const Config& config,
                              const Snapshot& snapshot) {
  ListenerRuntime out;
  out.name = listener.name;
  out.role = listener.role;
  out.from = listener.from;
  out.delivery = listener.delivery;
  out.balancers = listener.proxy_protocol;
  out.xclient = listener.xclient;
  out.xforward = listener.xforward;
  smtp::SessionOptions& options = out.options;
  options.timeouts = config.limits.server_timeouts;
  options.profile.hostname = config.hostname;
  options.profile.limits = config.limits.server;
  options.profile.limits.message_octets = listener.max_message_size;
  options.profile.limits.recipients = listener.max_recipients;
  options.profile.offer_binarymime = listener.binarymime;
  options.profile.auth_required = listener.role == routing::Role::submission;
  if (listener.tls != ListenerTls::none) {
    options.tls = snapshot.server_tls(listener.ask_certificate);
    options.implicit_tls = listener.tls == ListenerTls::implicit;
    options.profile.offer_starttls =
        listener.tls == ListenerTls::starttls && options.tls != nullptr;
  }
  if (offers_auth(config, listener)) {
    const std::vector<std::string>& named = config.auth.mechanisms;
    const std::vector<std::string>& all = named.empty() ? auth::mechanism_names() : named;
    options.profile.auth_mechanisms = fmt::format("{}", fmt::join(all, " "));
    options.profile.auth_needs_tls = !listener.auth_without_tls;
  }
  return out;
}

}  // namespace

queue::RoutingView view_of(const std::shared_ptr<const Runtime>& runtime) {
  const RetryConfig& retry = runtime->config().retry;
  queue::RoutingView view;
  view.owner = runtime;
  view.pipeline = &runtime->snapshot->pipeline();
  view.retry = {retry.first, retry.max, retry.lifetime, retry.warn_after};
  view.hostname = runtime->config().hostname;
  return view;
}

const ListenerRuntime* Runtime::find(std::string_view name) const {
  for (const ListenerRuntime& listener : listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

std::shared_ptr<const Runtime> Runtime::make(std::shared_ptr<const Snapshot> snapshot) {
  auto runtime = std::make_shared<Runtime>();
  runtime->snapshot = std::move(snapshot);
  for (const ListenerConfig& listener : runtime->config().listeners) {
    runtime->listeners.push_back(make_listener(listener, runtime->config(), *runtime->snapshot));
  }
  const std::vector<routing::Route>& routes = runtime->config().routing.routes;
  runtime->delivery_by_route = std::any_of(
      routes.begin(), routes.end(), [](const auto& r) { return r.delivery.has_value(); });
  return runtime;
}

}  // namespace postern::gateway
