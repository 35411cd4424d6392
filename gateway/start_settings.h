// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <string>
#include <vector>

namespace postern::gateway {

/// What a gateway takes from its config at its start and keeps until its end, whatever is reloaded.
/// Listeners are told apart from these. Plain data.
struct StartSettings {
  static StartSettings of(const Config& config);
  /// The keys of those that `next` wants otherwise, in the order of docs/config.md.
  std::vector<std::string> changed(const StartSettings& next) const;

  std::string hostname;  ///< EHLO towards next hops
  std::string data_dir;
  LogConfig log;
  dns::Config dns;
  std::size_t threads = 0;
  std::uint64_t disk_reserve = 0;
  smtp::ClientTimeouts delivery;
  std::string sts_ca;
  std::string metrics;
};

}  // namespace postern::gateway
