// SPDX-License-Identifier: Apache-2.0
#include "auth/dovecot_source.h"

#include "auth/mechanism.h"
#include "auth/scram_keys.h"
#include "base/base64.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace postern::auth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostLine = 8192;
constexpr std::size_t kMostLines = 200;

std::string_view next_field(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\t'), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

/// Dovecot takes two clients of one id for a mistake: each connection has its own.
std::uint32_t next_client_id() {
  static std::atomic<std::uint32_t> last{static_cast<std::uint32_t>(::getpid())};
  return (last.fetch_add(1, std::memory_order_relaxed) & 0x7fffffffU) | 1U << 20U;
}

/// A connection that nothing waits for longer than its deadline.
class Connection {
 public:
  Connection(const std::string& path, Clock::time_point deadline) : deadline_(deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto* const at = reinterpret_cast<const sockaddr*>(&address);
    // A Unix socket connects at once, or its queue is full (EAGAIN): as good as nobody there.
    if (fd_ >= 0 && ::connect(fd_, at, sizeof address) != 0) close();
  }
  ~Connection() { close(); }
  Connection(Connection&&) = delete;

  bool is_open() const { return fd_ >= 0; }

  bool write(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t n = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n > 0) {
        octets.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR && (errno != EAGAIN || !wait(POLLOUT))) {
        return false;
      }
    }
    return true;
  }

  /// The next line without its LF; nullopt: there is none in time, or none that ends.
  std::optional<std::string> line() {
    for (;;) {
      const std::size_t end = input_.find('\n');
      if (end != std::string::npos) {
        std::string out = input_.substr(0, end);
        input_.erase(0, end + 1);
        return out;
      }
      if (input_.size() > kMostLine || !wait(POLLIN)) return std::nullopt;
      char block[1024];
      const ssize_t n = ::recv(fd_, block, sizeof block, 0);
      if (n > 0) {
        input_.append(block, static_cast<std::size_t>(n));
      } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        return std::nullopt;
      }
    }
  }

 private:
  bool wait(short what) const {
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return false;
      pollfd one{fd_, what, 0};
      const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  const Clock::time_point deadline_;
  int fd_ = -1;
  std::string input_;
};

std::string question_of(const Login& login) {
  const std::string zero(1, '\0');
  std::string message = zero + login.name + zero + login.password;
  // no-penalty: Dovecot would hold back everybody of an address for the failures of one, and
  // FailureGuard counts them already. `resp` is the last one: what follows it belongs to it.
  std::string out = fmt::format("AUTH\t1\tPLAIN\tservice=smtp{}\trip={}\tno-penalty\tresp={}\n",
                                login.secured ? "\tsecured" : "",
                                login.client.to_string(),
                                to_base64(message));
  wipe(message);
  return out;
}

}  // namespace

DovecotLine read_dovecot_line(std::string_view line) {
  const std::string_view command = next_field(line);
  if (command == "DONE") return DovecotLine::greeting_done;
  if (command == "VERSION")
    return next_field(line) == "1" ? DovecotLine::other : DovecotLine::wrong_version;
  if (command != "OK" && command != "FAIL" && command != "CONT") return DovecotLine::other;
  if (next_field(line) != "1") return DovecotLine::other;
  if (command == "OK") return DovecotLine::right;
  if (command == "CONT") return DovecotLine::unavailable;
  while (!line.empty()) {
    const std::string_view field = next_field(line);
    if (field == "temp" || field == "code=temp_fail") return DovecotLine::unavailable;
  }
  return DovecotLine::wrong;
}

std::string dovecot_user(std::string_view line) {
  constexpr std::string_view kUser = "user=";
  while (!line.empty()) {
    const std::string_view field = next_field(line);
    if (!field.starts_with(kUser)) continue;
    const std::string_view name = field.substr(kUser.size());
    return is_account_name(name) ? std::string(name) : std::string();
  }
  return {};
}

Checked DovecotSource::check(const Login& login) const {
  Connection connection(socket_, Clock::now() + limit_);
  if (!connection.is_open()) return PasswordVerdict::unavailable;
  const bool greeted = connection.write(fmt::format("VERSION\t1\t1\nCPID\t{}\n", next_client_id()));
  bool asked = false;
  for (std::size_t i = 0; greeted && i < kMostLines; ++i) {
    const std::optional<std::string> line = connection.line();
    if (!line) break;
    const DovecotLine meant = read_dovecot_line(*line);
    if (meant == DovecotLine::wrong_version) break;
    if (meant == DovecotLine::greeting_done && !asked) {
      std::string question = question_of(login);
      asked = connection.write(question);
      wipe(question);
      if (!asked) break;
    }
    if (!asked) continue;
    if (meant == DovecotLine::wrong) return {PasswordVerdict::wrong, dovecot_user(*line)};
    if (meant == DovecotLine::right) {
      // Without its name nobody knows whose password that was.
      std::string name = dovecot_user(*line);
      if (!name.empty()) return {PasswordVerdict::right, std::move(name)};
    }
    if (meant == DovecotLine::right || meant == DovecotLine::unavailable) break;
  }
  return PasswordVerdict::unavailable;
}

}  // namespace postern::auth
