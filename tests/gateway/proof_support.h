// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/prove.h"
#include "tests/gateway/config_support.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::gateway::proof {

/// A whole config of the guide in which nothing is wrong; tests change one thing in it.
inline constexpr std::string_view kCoexistence = R"(hostname = "gw.company.ru"
[[listener]]
name = "mx"
bind = "0.0.0.0:25"
[[listener]]
name = "exchange"
bind = "0.0.0.0:1025"
from = "exchange"
[[listener]]
name = "submission"
bind = "0.0.0.0:587"
role = "submission"
[relay]
allow_without_auth = ["10.0.0.5", "10.0.1.0/24", "10.0.2.20"]
[[next_hop]]
name = "exchange"
hosts = ["10.0.0.5:25"]
behaves = "exchange"
[[next_hop]]
name = "vk"
hosts = ["10.0.1.10:25"]
behaves = "vk_workspace"
[[next_hop]]
name = "dlp"
hosts = ["10.0.2.20:25"]
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
cutover = "/dev/null"
[[route]]
domains = ["company.ru"]
via = "exchange"
[recipients]
validate = false
unknown_redirect = "exchange"
directory = "file:/dev/null"
[gateways]
external = ["dlp"]
[routing]
independent_aliases = true
max_hops = 25
max_own_passes = 2
stages = ["loop_guard", "relay_access", "tech_alias", "cutover", "custom_route", "internal_gateway",
          "address_validation", "unknown_recipient", "mailboxes", "external_gateway", "dns_mx"]
)";

/// One change: what stands in the config, and what stands there instead.
using Change = std::pair<std::string_view, std::string_view>;

inline std::string changed(const std::vector<Change>& changes) {
  std::string text(kCoexistence);
  for (const auto& [from, to] : changes)
    text = replaced(text, from, to);
  return text;
}

/// Without the connector's own listener X's mail is known by its address alone (R7).
inline constexpr Change kNoConnectorListener{
    "[[listener]]\nname = \"exchange\"\nbind = \"0.0.0.0:1025\"\nfrom = \"exchange\"\n", ""};
inline constexpr Change kNoRoute{"[[route]]\ndomains = [\"company.ru\"]\nvia = \"exchange\"\n", ""};
/// S9: X's host is not among the addresses by which X is known.
inline constexpr Change kWrongSources{"hosts = [\"10.0.0.5:25\"]",
                                      "hosts = [\"10.0.0.5:25\"]\nsources = [\"10.9.9.9\"]"};

}  // namespace postern::gateway::proof
