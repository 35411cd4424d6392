// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/routes.h"

#include "smtp/address.h"

namespace postern::gateway::proof {

RouteIndex::RouteIndex(const routing::Config& config) : config_(config) {
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    for (const std::string& pattern : config.routes[i].domains) {
      if (pattern == "*") {
        if (!any_) any_ = i;
      } else if (pattern.starts_with("*.")) {
        below_.emplace(pattern.substr(2), i);
      } else {
        exact_.emplace(pattern, i);
      }
    }
  }
}

std::optional<std::size_t> RouteIndex::find_named(std::string_view domain) const {
  const std::string lower = smtp::ascii_lower(domain);
  if (const auto it = exact_.find(lower); it != exact_.end()) return it->second;
  std::string_view rest = lower;
  for (std::size_t dot; (dot = rest.find('.')) != std::string_view::npos;) {
    rest.remove_prefix(dot + 1);
    if (const auto it = below_.find(rest); it != below_.end()) return it->second;
  }
  return std::nullopt;
}

std::optional<std::size_t> RouteIndex::find(std::string_view domain) const {
  const std::optional<std::size_t> named = find_named(domain);
  return named ? named : any_;
}

bool RouteIndex::is_named(std::string_view domain) const {
  return find_named(domain).has_value();
}

std::string_view RouteIndex::via(std::string_view domain) const {
  const std::optional<std::size_t> route = find(domain);
  return route ? std::string_view(config_.routes[*route].via) : std::string_view();
}

}  // namespace postern::gateway::proof
