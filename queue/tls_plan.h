// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "dns/targets.h"
#include "queue/sts_policies.h"
#include "queue/tls_outcome.h"
#include "routing/next_hop.h"
#include "smtp/client_dialogue.h"
#include "smtp/reply.h"
#include "tls/peer_check.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postern::queue {

/// What the message itself says of TLS (RFC 8689).
enum class TlsAsked : std::uint8_t {
  nothing,
  required,      ///< REQUIRETLS: a host that cannot give it is passed over
  not_required,  ///< "TLS-Required: No": policies that yield to it are not kept
};

/// REQUIRETLS of MAIL goes before the field, whatever that says (RFC 8689 section 4.1).
constexpr TlsAsked tls_asked(bool requiretls, bool not_required) {
  if (requiretls) return TlsAsked::required;
  return not_required ? TlsAsked::not_required : TlsAsked::nothing;
}

/// A host that is about to be tried, and what the config says of TLS with it.
struct TlsQuestion {
  routing::TlsLevel level = routing::TlsLevel::may;
  routing::TlsSettings settings;
  std::string domain;  ///< whose mail it is: the MX's domain; empty: the host is the config's
  std::string host;    ///< the name behind the address, or the address
  std::uint16_t port = 25;
  bool secure_mx = false;     ///< DNSSEC has validated that this host is the domain's MX
  bool secure_host = false;   ///< DNSSEC has validated the host's addresses
  std::string canonical;      ///< what the host is an alias of; the host, or empty: of nothing
  bool secure_alias = false;  ///< DNSSEC has validated that it is one, though not the addresses
  bool require_tls = false;   ///< the message demands it (RFC 8689)
};

/// What a connection to that host must be. Plain data.
struct TlsPlan {
  smtp::ClientProfile::Tls level = smtp::ClientProfile::Tls::may;
  /// What the certificate is compared with; null: nothing is verified.
  std::shared_ptr<const tls::PeerCheck> check;
  std::string sni;  ///< empty: the host's name
  std::string ca;   ///< PEM file; empty: the system's authorities
  /// Equal for plans that a connection serves alike; connections and sessions are kept by it.
  std::string key;
  /// A connection as planned is encrypted, and its server the one that is meant: good for
  /// REQUIRETLS.
  bool secure = false;

  /// The host may not be tried at all: why, as the reply for the message.
  std::optional<smtp::Reply> refusal;
  tls::Failure failure = tls::Failure::none;  ///< of the refusal
  /// DANE or MTA-STS decided, or there was nothing to be found: what TLS-RPT tells of it. Null: the
  /// config alone decided, and nothing is reported. Domain, host and policy are filled in.
  std::shared_ptr<const TlsOutcome> reported;
};

/// What plans are made with; outlives them. The pool's thread.
struct TlsPlanners {
  dns::Resolver* resolver = nullptr;
  StsPolicies* sts = nullptr;  ///< null: no domain has a policy
};

/// A name as SNI, certificates and policies have it: with A-labels.
std::string name_in_tls(const std::string& host);
/// About an address that was found for this host of the config, or of a domain's MX; without level
/// and settings.
TlsQuestion question_about(const routing::HostSpec& host, const dns::Target& target);

using TlsPlanPtr = std::shared_ptr<const TlsPlan>;

/// The one plan for all hosts where the level alone decides (none, may, encrypt); null: there is
/// more to it.
TlsPlanPtr common_plan(routing::TlsLevel level, const routing::TlsSettings& settings);
/// The plan where nobody has to be asked; nullopt: plan_tls() asks.
std::optional<TlsPlan> plan_at_once(const TlsQuestion& question);
/// The plan, by the level and what DNS and MTA-STS say.
net::Awaitable<TlsPlan> plan_tls(TlsPlanners planners, TlsQuestion question);

// What the branches share (tls_plan.cc), and the branches.

/// With the server verified by `check`, or not at all; fills in everything but `secure`.
TlsPlan plan_with(const TlsQuestion& question,
                  smtp::ClientProfile::Tls level,
                  std::optional<tls::PeerCheck> check);
/// As if the level were `may`: neither DANE nor a policy says anything about this host.
TlsPlan plan_opportunistic(TlsQuestion question);
/// The host is passed over: 4xx, or 5xx where trying again is of no use.
TlsPlan plan_refusal(tls::Failure failure, smtp::Reply reply);
/// "next hop HOST: SENTENCE" with 451 4.7.5.
smtp::Reply not_secure(const TlsQuestion& question, std::string_view sentence);

net::Awaitable<TlsPlan> plan_dane(TlsPlanners planners, TlsQuestion question);  // tls_plan_dane.cc
net::Awaitable<TlsPlan> plan_sts(TlsPlanners planners, TlsQuestion question);   // tls_plan_sts.cc

}  // namespace postern::queue
