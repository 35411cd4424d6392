// SPDX-License-Identifier: Apache-2.0
#include "tools/control_client.h"

#include "gateway/control_socket.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRefused = 1;
constexpr int kUnavailable = 69;   // EX_UNAVAILABLE
constexpr int kNoPermission = 77;  // EX_NOPERM

ControlFailure refused(std::string text) {
  return {kRefused, std::move(text)};
}

/// Whose the nearest thing is that can be looked at: the socket, or a directory above it.
std::string owner_of(std::filesystem::path path) {
  struct stat found {};
  while (::stat(path.c_str(), &found) != 0) {
    if (path == path.parent_path()) return "its owner";
    path = path.parent_path();
  }
  const passwd* const user = ::getpwuid(found.st_uid);
  return user != nullptr ? std::string(user->pw_name) : fmt::format("user {}", found.st_uid);
}

ControlFailure not_connected(const std::string& path, int error) {
  if (error == EACCES || error == EPERM) {
    return {kNoPermission,
            fmt::format("{} belongs to {}: run this command as {} or root, not as another user",
                        path,
                        owner_of(path),
                        owner_of(path))};
  }
  if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
    return {kUnavailable,
            fmt::format("postern is not running: nobody listens on {}; start it (postern serve), "
                        "or name its config with --config",
                        path)};
  }
  return {kUnavailable, fmt::format("cannot connect to {}: {}", path, std::strerror(error))};
}

/// A connection of its own for one question.
class Connection {
 public:
  Connection() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;

  /// 0, or errno.
  int connect(const std::string& path) const {
    if (fd_ < 0) return errno;
    const gateway::ControlAddress where(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (where.name().empty()) return errno;
    if (where.name().size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
    where.name().copy(address.sun_path, where.name().size());
    const auto* const to = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(fd_, to, sizeof(address)) == 0 ? 0 : errno;
  }

  bool send(std::string_view octets) const {
    while (!octets.empty()) {
      const ssize_t n = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// The next line without its end; nullopt: there is none.
  std::optional<std::string> line() {
    std::size_t looked = 0;
    for (;;) {
      const std::size_t end = pending_.find('\n', begin_ + looked);
      if (end != std::string::npos) {
        std::string out = pending_.substr(begin_, end - begin_);
        begin_ = end + 1;
        return out;
      }
      looked = pending_.size() - begin_;
      pending_.erase(0, std::exchange(begin_, 0));
      const ssize_t n = ::recv(fd_, piece_.data(), piece_.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      pending_.append(piece_.data(), static_cast<std::size_t>(n));
    }
  }

 private:
  const int fd_;
  std::string pending_;
  std::size_t begin_ = 0;  ///< what is before was given
  std::array<char, 64UL << 10> piece_{};
};

}  // namespace

Result<Json, ControlFailure> ask(const std::string& path,
                                 const gateway::ControlRequest& request,
                                 const std::function<void(const Json&)>& line) {
  const auto connection = std::make_unique<Connection>();
  const int error = connection->connect(path);
  if (error != 0) return not_connected(path, error);
  const std::string question = gateway::format_request(request) + "\n";
  if (question.size() > gateway::kLongestRequest) {
    return refused("too many ids at a time: ask in several commands");
  }
  // A gateway that does not want to hear it may have answered already.
  connection->send(question);
  while (const std::optional<std::string> text = connection->line()) {
    const Json answer = Json::parse(*text, nullptr, false);
    if (!answer.is_object()) return refused("the gateway's answer is not understood");
    if (!answer.contains("done")) {
      line(answer);
      continue;
    }
    if (answer.contains("error")) return refused(answer.value("error", std::string()));
    return answer;
  }
  return refused("the gateway has broken off: what is above is not all");
}

}  // namespace postern::tools
