// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/address_patterns.h"
#include "routing/policy/client.h"

#include <algorithm>

// [[policy]]: docs/policy.md.

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using routing::PolicyConfig;

/// What may stand behind "policy:" in `routing.stages`.
bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void read_server(Section& section, PolicyConfig& policy) {
  section.read("server", policy.server, Need::required);
  if (policy.server.empty() || routing::PolicyServer::parse(policy.server)) return;
  section.fail("server",
               "bad-value",
               fmt::format("\"{}\" is no policy server; write \"inet:127.0.0.1:10023\", "
                           "\"inet:[::1]:10023\" or \"unix:/path\" (107 octets at most)",
                           policy.server));
}

void read_policy(Reader& reader, Section& section) {
  PolicyConfig policy;
  section.read("name", policy.name, Need::required);
  if (!policy.name.empty() && !is_word(policy.name)) {
    section.fail(
        "name",
        "bad-value",
        fmt::format("\"{}\" is no name; write one word of letters, digits, \".\", \"_\" and \"-\"",
                    policy.name));
  }
  read_server(section, policy);
  section.read("timeout", policy.timeout, 1ms, 5min);
  using OnFailure = PolicyConfig::OnFailure;
  section.read<OnFailure>("on_failure",
                          policy.on_failure,
                          {
                              {"defer", OnFailure::defer},
                              {"pass",  OnFailure::pass }
  });
  section.read<unsigned>("connections", policy.connections, 1, 1000);
  section.each("recipients", [&](const std::string& path, const std::string& text) {
    if (routing::AddressPatterns::is_pattern(text) && !text.empty()) {
      return policy.recipients.push_back(text);
    }
    reader.error(path,
                 "bad-pattern",
                 fmt::format("\"{}\" is no address; write \"user@company.ru\", \"@company.ru\", "
                             "\"@*.company.ru\" or \"*\"",
                             text));
  });
  section.read("trusted", policy.trusted);
  reader.config.routing.policies.push_back(std::move(policy));
}

}  // namespace

void read_policies(Reader& reader, Section& top) {
  top.each_table("policy", [&reader](Section& section) { read_policy(reader, section); });
}

}  // namespace postern::gateway
