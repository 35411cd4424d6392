// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"
#include "routing/wave_config.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tools {

/// One change of a wave's state, as a line of data_dir/waves.log has it:
/// "2026-11-24T16:05:43Z user=ivan wave=pilot from=dual to=cutover members=12".
struct WaveChange {
  std::string time;  ///< UTC, RFC 3339
  std::string user;
  std::string wave;
  routing::WaveState from = routing::WaveState::planned;
  routing::WaveState to = routing::WaveState::planned;
  std::optional<std::size_t> members;  ///< nullopt ("?"): a directory knows them, unlisted
  friend bool operator==(const WaveChange&, const WaveChange&) = default;
};

/// One line without its end.
std::string format_change(const WaveChange& change);
/// nullopt: not such a line (an administrator's own note).
std::optional<WaveChange> parse_change(std::string_view line);

/// Now, and whoever runs this process: by sudo, who called it ("ivan(sudo)").
std::string time_now();
std::string user_now();

std::string wave_log_path(const std::string& data_dir);
/// All changes, oldest first; none when there is no file.
std::vector<WaveChange> read_wave_log(const std::string& path);

/// The log, opened before anything is changed: a change that cannot be told is not made. Appends;
/// other commands may do so at the same time.
class WaveLog {
 public:
  static gateway::Parsed<WaveLog> open(const std::string& path);
  WaveLog(WaveLog&& other) noexcept;
  ~WaveLog();

  /// On stable storage when it returns.
  gateway::Parsed<void> append(const WaveChange& change);

 private:
  WaveLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace postern::tools
