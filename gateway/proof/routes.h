// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/config.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace postern::gateway::proof {

/// Which `[[route]]` a domain has, by R6's order: exact, the longest "*.", "*". For findings and
/// for telling domains of one shape; the letters themselves go by the real stage. The config
/// outlives it.
class RouteIndex {
 public:
  explicit RouteIndex(const routing::Config& config);

  /// Its place in Config::routes; nullopt: none.
  std::optional<std::size_t> find(std::string_view domain) const;
  /// A route names it or a domain above it; "*" is no name.
  bool is_named(std::string_view domain) const;
  /// The next hop of that route; empty: none.
  std::string_view via(std::string_view domain) const;

 private:
  std::optional<std::size_t> find_named(std::string_view domain) const;

  const routing::Config& config_;
  std::map<std::string, std::size_t, std::less<>> exact_;
  std::map<std::string, std::size_t, std::less<>> below_;  ///< "*.company.ru" by "company.ru"
  std::optional<std::size_t> any_;
};

}  // namespace postern::gateway::proof
