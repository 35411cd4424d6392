// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/snapshot.h"
#include "queue/routing_view.h"
#include "smtp/session/server_session.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace postern::gateway {

/// One listener as its sessions see it.
struct ListenerRuntime {
  std::string name;
  routing::Role role = routing::Role::mx;
  std::string from;  ///< R7a
  Delivery delivery = Delivery::automatic;
  IpSet balancers;  ///< whose connections begin with a PROXY header
  IpSet xclient;    ///< who may say XCLIENT
  IpSet xforward;   ///< who may say XFORWARD
  smtp::SessionOptions options;
};

/// A config snapshot with what sessions need of it. Immutable; a reload makes a new one. A letter
/// goes wholly by the one that is current at its MAIL; a session keeps TLS, limits and timeouts of
/// the one it began with. Any thread.
struct Runtime {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<ListenerRuntime> listeners;  ///< in the config's order
  bool delivery_by_route = false;          ///< a [[route]] has a `delivery` of its own

  const Config& config() const { return snapshot->config(); }
  /// Null: no listener of that name.
  const ListenerRuntime* find(std::string_view name) const;
  static std::shared_ptr<const Runtime> make(std::shared_ptr<const Snapshot> snapshot);
};

/// The runtime that a reload swaps. Any thread.
class CurrentRuntime {
 public:
  explicit CurrentRuntime(std::shared_ptr<const Runtime> first) : runtime_(std::move(first)) {}
  std::shared_ptr<const Runtime> get() const { return std::atomic_load(&runtime_); }
  void set(std::shared_ptr<const Runtime> next) { std::atomic_store(&runtime_, std::move(next)); }

 private:
  std::shared_ptr<const Runtime> runtime_;
};

/// A runtime as deliveries see it.
queue::RoutingView view_of(const std::shared_ptr<const Runtime>& runtime);

}  // namespace postern::gateway
