// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/snapshot.h"
#include "tools/commands.h"

#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the parts of `postern wave` share.

namespace postern::tools {

inline constexpr int kWaveDone = 0;
inline constexpr int kWaveRefused = 1;
inline constexpr int kWaveWrongUse = 2;

/// One `postern wave` command while it runs.
struct WaveRun {
  const WaveOptions& options;
  std::ostream& out;
  std::ostream& err;

  int fail(int status, std::string_view why) const;
  void print_json(const nlohmann::ordered_json& object) const;
};

/// A config text with everything that is made from it, as a gateway would have it but for TLS.
/// Null, and told on err: it is wrong. `findings` (may be null) gets what check() says.
std::shared_ptr<const gateway::Snapshot> wave_snapshot(const WaveRun& run,
                                                       std::string_view text,
                                                       std::vector<gateway::Finding>* findings);

/// "wave "x": there is none; write one of ..."
int no_such_wave(const WaveRun& run, const gateway::Config& config);

/// How many lines the wave's file has (0: it cannot be read); nullopt: members are no file.
std::optional<std::size_t> members_in(const routing::Waves::Wave& wave);
/// Why its members cannot be read or asked at this moment; empty: they can. May wait for a server.
std::string problem_of_members(const gateway::Snapshot& snapshot, const routing::Waves::Wave& wave);

/// `postern wave set` (wave_set.cc).
int set_wave(const WaveRun& run);

}  // namespace postern::tools
