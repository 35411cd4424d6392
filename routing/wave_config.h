// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::routing {

/// How far a wave of users has come. `planned` and `rolled_back` are as if its users were in no
/// wave.
enum class WaveState : std::uint8_t {
  planned,
  dual,         ///< mail for U@D goes to X, whose forwarded copy to U@T comes to V (S2, S4)
  cutover,      ///< mail for U@D goes straight to V, as for the users of a cut-over list (R5)
  rolled_back,  ///< was further, and X has its users' mail again
};

/// "planned", "dual", "cutover", "rolled_back".
std::string_view name_of(WaveState state);
std::optional<WaveState> parse_wave_state(std::string_view name);

/// `[[wave]]`: users who move together. A plain value, part of Config.
struct WaveConfig {
  std::string name;     ///< letters, digits, ".", "_", "-"
  std::string members;  ///< a directory's setting: "file:/path"
  WaveState state = WaveState::planned;
  std::string domain;  ///< a main domain: its users alone; empty: of every domain of ours
  friend bool operator==(const WaveConfig&, const WaveConfig&) = default;
};

}  // namespace postern::routing
