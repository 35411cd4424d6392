// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "mailtools/verify/plan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace postern::verify {

inline constexpr std::string_view kGatewayConfig = R"(hostname = "gw.company.ru"
listener = [
  { name = "mx", bind = "203.0.113.10:25", role = "mx", max_message_size = "50MiB" },
  { name = "exchange", bind = "0.0.0.0:1025", role = "mx", from = "exchange", max_message_size = "100MiB" },
  { name = "submission", bind = "0.0.0.0:587", role = "submission", max_message_size = "35MiB" },
]
relay.allow_without_auth = ["10.0.0.5", "10.0.1.10"]
next_hop = [
  { name = "exchange", hosts = ["10.0.0.5:25"], behaves = "exchange" },
  { name = "vk", hosts = ["10.0.1.10:25"], behaves = "vk_workspace" },
]
domain = [{ name = "company.ru", aliases = ["tech.company.ru"], mailboxes = "vk" }]
route = [{ domains = ["company.ru"], via = "exchange" }]
recipients = { unknown_redirect = "exchange", directory = "file:/etc/postern/mailboxes" }
gateways.external = ["exchange"]
routing.trace_key = "a trace key of tests, 32 octets long"
)";

inline gateway::Config gateway_config(std::string_view text = kGatewayConfig) {
  gateway::LoadResult loaded = gateway::parse_config(text, "postern.toml", {});
  for (const gateway::Finding& finding : loaded.findings)
    EXPECT_NE(finding.severity, gateway::Severity::error) << format_text(finding);
  return loaded.config.value();
}

/// Every file holds the password "secret", but for the empty one and the one that is not there.
inline gateway::Parsed<std::string> test_secret(const std::string& path) {
  if (path == "/absent") return gateway::Mistake{path + " gives no password: there is none"};
  return path == "/empty" ? std::string("\n") : std::string("secret\n");
}

inline PlanResult plan_of(std::string_view text, const gateway::Config& config) {
  return parse_plan(text, "verify.toml", config, test_secret);
}

}  // namespace postern::verify
