// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <string>
#include <string_view>

namespace postern::gateway {

/// A sound config of 20 lines; tests append to it or replace a part of it.
inline constexpr std::string_view kSmall = R"(hostname = "gw.company.ru"
[[listener]]
name = "mx"
bind = "0.0.0.0:25"
[[next_hop]]
name = "exchange"
hosts = ["10.0.0.5:25"]
behaves = "exchange"
[[next_hop]]
name = "vk"
hosts = ["10.0.1.10:25"]
behaves = "vk_workspace"
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
[[route]]
domains = ["company.ru"]
via = "exchange"
[relay]
allow_without_auth = ["10.0.0.5", "10.0.1.0/24"]
)";

inline std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  if (at == std::string::npos) return "the test replaces what is not there: " + std::string(from);
  return out.replace(at, from.size(), to);
}

inline LoadResult parse(std::string_view text) {
  return parse_config(text, "t.toml", Environment{});
}

/// Every finding on a line of its own: what a failed assertion shows.
inline std::string shown(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings)
    out += format_text(finding) + "\n";
  return out;
}

inline std::string example_path() {
  return std::string(POSTERN_SOURCE_DIR) + "/docs/examples/coexistence.toml";
}

}  // namespace postern::gateway
