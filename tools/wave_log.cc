// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <pwd.h>
#include <unistd.h>
#include <utility>

namespace postern::tools {
namespace {

/// The value of "key=value" at the front of `line`, which it is taken from.
std::optional<std::string_view> take(std::string_view& line, std::string_view key) {
  if (!line.starts_with(key)) return std::nullopt;
  line.remove_prefix(key.size());
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view out = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return out;
}

/// One word: it stands between spaces.
std::string word_of(std::string text) {
  for (char& c : text) {
    if (c == ' ' || c == '=' || (c >= 0 && c < ' ') || c == 0x7f) c = '_';
  }
  return text;
}

}  // namespace

std::string format_change(const WaveChange& change) {
  return fmt::format("{} user={} wave={} from={} to={} members={}",
                     change.time,
                     word_of(change.user),
                     change.wave,
                     routing::name_of(change.from),
                     routing::name_of(change.to),
                     change.members ? std::to_string(*change.members) : "?");
}

std::optional<WaveChange> parse_change(std::string_view line) {
  WaveChange out;
  const auto time = take(line, "");
  const auto user = time ? take(line, "user=") : std::nullopt;
  const auto wave = user ? take(line, "wave=") : std::nullopt;
  const auto from = wave ? take(line, "from=") : std::nullopt;
  const auto to = from ? take(line, "to=") : std::nullopt;
  const auto members = to ? take(line, "members=") : std::nullopt;
  if (!members || !line.empty()) return std::nullopt;
  const auto old_state = routing::parse_wave_state(*from);
  const auto new_state = routing::parse_wave_state(*to);
  if (!old_state || !new_state) return std::nullopt;
  if (*members != "?") {
    const char* const end = members->data() + members->size();
    const auto [stop, error] = std::from_chars(members->data(), end, out.members.emplace());
    if (error != std::errc() || stop != end) return std::nullopt;
  }
  out.time = *time;
  out.user = *user;
  out.wave = *wave;
  out.from = *old_state;
  out.to = *new_state;
  return out;
}

std::string time_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::string user_now() {
  const char* const behind_sudo = ::geteuid() == 0 ? std::getenv("SUDO_USER") : nullptr;
  if (behind_sudo != nullptr && *behind_sudo != '\0') return std::string(behind_sudo) + "(sudo)";
  const passwd* const user = ::getpwuid(::getuid());
  return user != nullptr ? std::string(user->pw_name) : fmt::format("{}", ::getuid());
}

std::string wave_log_path(const std::string& data_dir) {
  return data_dir + "/waves.log";
}

std::vector<WaveChange> read_wave_log(const std::string& path) {
  std::vector<WaveChange> out;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (std::optional<WaveChange> change = parse_change(line)) out.push_back(std::move(*change));
  }
  return out;
}

gateway::Parsed<WaveLog> WaveLog::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) {
    return gateway::Mistake{
        fmt::format("the log of changes {} cannot be written: {}", path, std::strerror(errno))};
  }
  return WaveLog(path, fd);
}

WaveLog::WaveLog(WaveLog&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

WaveLog::~WaveLog() {
  if (fd_ >= 0) ::close(fd_);
}

gateway::Parsed<void> WaveLog::append(const WaveChange& change) {
  const std::string line = format_change(change) + "\n";
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size()) && ::fsync(fd_) == 0) return {};
  return gateway::Mistake{fmt::format("the log of changes {} was not written: {}",
                                      path_,
                                      written < 0 ? std::strerror(errno) : "the disk is full")};
}

}  // namespace postern::tools
