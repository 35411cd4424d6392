// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_resolver.h"
#include "gateway/check_parts.h"
#include "tls/context.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {
namespace {

using routing::TlsLevel;

/// Without its authorities no server is ever verified: mail for a next hop waits, and no policy is
/// fetched.
void check_authorities(const std::string& ca, const std::string& path, Findings& out) {
  if (ca.empty()) return;
  const auto context = tls::Context::verifying_client(ca);
  if (context) return;
  out.error(path,
            "bad-authorities",
            fmt::format("{} gives no certificates ({}); write a PEM file of the authorities that "
                        "sign the server's certificate, or leave it out for the system's",
                        ca,
                        context.error().message));
}

void check_next_hop(const routing::NextHop& hop, const std::string& path, Findings& out) {
  check_authorities(hop.tls_settings.ca, path + ".tls_ca", out);
  if (!hop.login.user.empty() && !routing::is_verified(hop.tls)) {
    out.warning(path + ".tls",
                "unverified-password",
                fmt::format("the password of \"{}\" goes to whoever answers in place of next hop "
                            "\"{}\", since its certificate need not be verified; write tls = "
                            "\"verify\"",
                            hop.login.user,
                            hop.name));
  }
  const auto is_mx = [](const routing::HostSpec& host) { return host.mx; };
  if (hop.tls == TlsLevel::sts && std::none_of(hop.hosts.begin(), hop.hosts.end(), is_mx)) {
    out.warning(path + ".tls",
                "sts-without-domain",
                fmt::format("only domains have MTA-STS policies, and no host of next hop \"{}\" is "
                            "the MX of one, so that this is as \"may\"; write tls = \"verify\"",
                            hop.name));
  }
}

/// Mail for other domains that does not go by MX has its TLS from its next hop.
void check_policies_used(const Config& config, Findings& out) {
  const std::vector<std::string>& stages = config.routing.routing.stages;
  const bool by_mx = std::find(stages.begin(), stages.end(), "dns_mx") != stages.end();
  if (by_mx && config.routing.gateways.external.empty()) return;
  out.warning("tls_policy[0]",
              "unused-tls-policy",
              by_mx
                  ? "mail for other domains goes by gateways.external, not by their MX; write tls "
                    "in that [[next_hop]]"
                  : "no mail goes by MX, since routing.stages has no \"dns_mx\"; write tls in the "
                    "[[next_hop]] that is meant");
}

bool is_dane(TlsLevel level) {
  return level == TlsLevel::dane || level == TlsLevel::dane_only;
}

/// Who wants DANE wants DNSSEC, which somebody has to be believed about.
void check_dnssec(const Config& config, Findings& out) {
  const auto& hops = config.routing.next_hops;
  const auto& policies = config.routing.tls_policies;
  const auto wants = [](const auto& one) { return is_dane(one.tls); };
  const bool wanted = std::any_of(hops.begin(), hops.end(), wants) ||
                      std::any_of(policies.begin(), policies.end(), wants);
  if (!wanted || dns::believes_ad(config.dns)) return;
  out.warning("dns.servers",
              "no-dnssec",
              "tls = \"dane\" needs a resolver that validates, and one that is believed: no answer "
              "counts as secure, since a name server is not on loopback; run unbound on this "
              "machine and write servers = [\"127.0.0.1\"], or trust_ad = true where nobody else "
              "can write to the network in between");
}

}  // namespace

void check_tls(const Config& config, Findings& out) {
  const std::vector<routing::NextHop>& hops = config.routing.next_hops;
  for (std::size_t i = 0; i < hops.size(); ++i)
    check_next_hop(hops[i], fmt::format("next_hop[{}]", i), out);
  const std::vector<routing::TlsPolicy>& policies = config.routing.tls_policies;
  for (std::size_t i = 0; i < policies.size(); ++i)
    check_authorities(policies[i].settings.ca, fmt::format("tls_policy[{}].ca", i), out);
  check_authorities(config.mta_sts.ca, "mta_sts.ca", out);
  if (!policies.empty()) check_policies_used(config, out);
  check_dnssec(config, out);
}

}  // namespace postern::gateway
