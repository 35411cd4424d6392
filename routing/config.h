// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "routing/next_hop.h"
#include "routing/policy/config.h"
#include "routing/wave_config.h"
#include "routing/ways_config.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

class Registry;  // routing/stage.h

enum class DeliverAs : std::uint8_t { alias, main };
enum class Role : std::uint8_t { mx, submission };
/// What a 250 waits for: whichever comes first of the commit and the next hops, the commit alone,
/// the next hop alone. Of a listener, or of a route, which goes before.
enum class Delivery : std::uint8_t { automatic, queue, cut_through };

/// `[[domain]]`: a main domain D, its aliases T, and where its new mailboxes are.
struct Domain {
  std::string name;                  ///< lower case, no trailing dot
  std::vector<std::string> aliases;  ///< lower case; the first is how V is addressed (R4a)
  std::string mailboxes;             ///< name of the next hop V
  DeliverAs deliver_as =
      DeliverAs::main;       ///< R4a; the reader's default is alias where there is one
  std::string cutover_file;  ///< R5; empty: no file
  std::string cutover;       ///< R5: a directory's setting ("ldap:left") in place of a file
  std::string directory;     ///< who exists; empty: as recipients.directory says
  std::string
      dual_delivery;  ///< who has mailboxes in X and V: a file's path, "*": all; empty: none
};

/// `[[route]]`: R6. `domains` are exact, "*.sub" or "*"; exact beats the longest "*.", which beats
/// "*".
struct Route {
  std::vector<std::string> domains;
  std::string via;                     ///< name of a next hop
  std::optional<Delivery> delivery{};  ///< in place of the listener's
};

struct RecipientsConfig {
  bool validate = false;         ///< R8; OUR_ADDRESS_VALIDATE has been applied
  std::string unknown_redirect;  ///< R9; name of a next hop, empty: off
  std::string directory;         ///< "file:/path", "ldap:NAME", ...; empty: everyone is known
  bool case_sensitive = false;   ///< R8a
  std::string delimiter = "+";   ///< R8a; empty: no tags
};

struct GatewaysConfig {
  IpSet intermediate_mx;              ///< clients whose address is not the sender's own
  std::vector<std::string> internal;  ///< R10; names of next hops, tried in order
  std::vector<std::string> external;  ///< R11
};

struct RoutingConfig {
  bool independent_aliases = true;  ///< R4
  unsigned max_hops = 25;           ///< R13
  unsigned max_own_passes = 2;      ///< R13
  std::string trace_key;            ///< R13; the HMAC key's octets, never empty once loaded
  std::vector<std::string> stages;  ///< in the order in which they are asked
};

/// Everything that routing reads. Immutable once built; part of a config snapshot; any thread.
struct Config {
  std::string hostname;  ///< the gateway's own name, and its id in Postern-Trace
  std::vector<NextHop> next_hops;
  std::vector<Domain> domains;
  std::vector<Route> routes;
  std::vector<WaveConfig> waves;
  IpSet allow_without_auth;  ///< R2
  RecipientsConfig recipients;
  GatewaysConfig gateways;
  RoutingConfig routing;
  std::vector<SenderRoute> sender_routes;
  std::vector<RewriteRule> rewrites;
  std::vector<Journal> journals;
  std::vector<ListRule> lists;
  std::vector<PolicyConfig> policies;
  std::vector<TlsPolicy> tls_policies;
  std::shared_ptr<const Registry> more_stages;  ///< of plug-ins; null: none

  const NextHop* find_next_hop(std::string_view name) const;
};

/// The rules' order: mail-flow.md, "Ways"; those of docs/ways.md, which are idle unless something
/// is configured for them, where they belong among them.
std::vector<std::string> default_stages();

/// R7: whose mail counts as coming from these hosts when `sources` is not set: the hosts that are
/// addresses. Names need a resolver, which routing does not have.
IpSet default_sources(const std::vector<HostSpec>& hosts);

/// A setting that names a next hop which does not exist, as a sentence.
std::optional<std::string> find_broken_reference(const Config& config);

}  // namespace postern::routing
