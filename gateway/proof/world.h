// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/proof/persons.h"
#include "gateway/proof/renames.h"
#include "gateway/proof/routes.h"
#include "gateway/proof/shapes.h"
#include "gateway/proof/stubs.h"
#include "routing/domain_index.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway::proof {

/// An address that a server's mail may come from.
struct Source {
  IpAddress address;
  /// The server's mail comes through gateways.intermediate_mx, which hides its own address.
  bool hidden = false;
};

/// A next hop as a party that sends mail.
struct Party {
  const routing::NextHop* hop = nullptr;
  std::vector<Source> sources;  ///< the usual one first; one of each kind that G tells apart
};

/// What G cannot see and an administrator may have set up either way. The proof goes over all.
struct Wiring {
  bool t_by_mx = false;  ///< X's connector for T goes to the mx listener, the one for D to `from`
  bool v_sends_d_to_x = false;  ///< V's own route for D leads to X (the guide's step 4), else to G
  bool relays_return = false;   ///< a filter gives mail back to G, else it delivers it itself
  bool last_of_list = false;    ///< of a list of gateways the last is there, else the first
  const Party* odd = nullptr;   ///< this one sends from sources[odd_source]
  std::size_t odd_source = 0;
};

/// The config as the proof looks at it: names of hosts replaced by made-up addresses, the real
/// pipeline once for each answer of directory and list. Asks no network. The given config and the
/// files, of which it reads the maps of [[rewrite]], outlive it. One thread.
class World {
 public:
  /// Error: why the stages cannot be built.
  static Result<std::unique_ptr<World>, std::string> build(
      const Config& given, const routing::WayFiles* files = nullptr);
  World(World&&) = delete;

  const Config& given() const { return given_; }
  const routing::Config& routing() const { return routing_; }
  const RouteIndex& routes() const { return *routes_; }
  const Renames& renames() const { return renames_; }
  const StubbedPipeline& pipeline(const Person& person) const;

  /// One domain of each shape. The others are domains of ours all the same: a rule may lead to one.
  const std::vector<const routing::Domain*>& followed() const { return followed_; }

  /// Null: not a domain of ours.
  const routing::Domain* domain_of(std::string_view name) const;
  bool is_alias(const routing::Domain& domain, std::string_view name) const;
  /// Its place in the given config's domains.
  std::size_t place_of(const routing::Domain& domain) const;
  std::size_t place_of(const routing::NextHop& hop) const;
  std::size_t domains_in_all() const { return given_.routing.domains.size(); }

  /// The old server of the domain; null: it has none.
  const routing::NextHop* exchange_of(const routing::Domain& domain) const;
  /// In gateways.internal or gateways.external, or where a [[sender_route]] leads: it may give mail
  /// back to G (R7a).
  bool is_gateway(const routing::NextHop& hop) const;
  /// G sends D's mail to X by its route: the time of coexistence.
  bool coexists(const routing::Domain& domain) const;
  DomainTraits traits_of(const routing::Domain& domain) const;

  const std::vector<Party>& parties() const { return parties_; }
  const Party* party_of(const routing::NextHop& hop) const;
  /// Somebody of the internet, known by no setting; nullopt: no such address is left.
  const std::optional<IpAddress>& stranger() const { return stranger_; }
  /// A client of the allowlist that is no next hop.
  const std::optional<IpAddress>& friend_of_ours() const { return friend_; }

  /// The listener where mail from `hop` comes in: one `from` it, else the mx one. Null: none.
  const ListenerConfig* entry_of(const routing::NextHop& hop, bool by_mx) const;
  /// The first mx listener for everybody; null: none.
  const ListenerConfig* public_mx() const;

 private:
  World(const Config& given, const routing::WayFiles* files);
  void take_domains();
  void name_sources();
  void find_parties();
  void find_clients();
  bool is_used(const routing::NextHop& hop) const;
  bool is_free(const IpAddress& address) const;
  std::string kind_of(const IpAddress& address) const;

  const Config& given_;
  routing::Config routing_;
  Renames renames_;
  std::unique_ptr<const RouteIndex> routes_;
  std::unique_ptr<const routing::DomainIndex> domains_;
  std::vector<const routing::Domain*> followed_;
  std::vector<Party> parties_;
  std::optional<IpAddress> stranger_;
  std::optional<IpAddress> friend_;
  /// By presence and cut-over answer, then the same for who is on no list of dual_delivery.
  std::vector<StubbedPipeline> pipelines_;
};

}  // namespace postern::gateway::proof
