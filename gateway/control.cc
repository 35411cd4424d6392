// SPDX-License-Identifier: Apache-2.0
#include "gateway/control.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace postern::gateway {
namespace {

constexpr int kBacklog = 16;
/// A client that says nothing, or takes nothing of its answer, for so long is left alone.
constexpr std::chrono::seconds kRequestWait{10};
constexpr std::chrono::seconds kAnswerWait{60};
/// After accept() failed for want of descriptors or memory.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr mode_t kOwnerOnly = 0600;

std::string failure(const std::string& path, const std::string& why) {
  return fmt::format("control socket {}: {}", path, why);
}

/// A socket that nobody listens on any more goes; anything else that has its name stays.
Result<void, std::string> clear(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return failure(path, "there is something that is no socket; move it away");
  }
  if (::unlink(path.c_str()) != 0) return failure(path, std::strerror(errno));
  return {};
}

/// The user at the other end; nullopt: the kernel does not say.
std::optional<uid_t> peer_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

void make_blocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const timeval wait{kAnswerWait.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

}  // namespace

Control::Control(net::Executor executor, std::string path)
    : path_(std::move(path)), address_(path_), acceptor_(executor) {}

Result<std::unique_ptr<Control>, std::string> Control::open(net::Executor executor,
                                                            std::string path) {
  std::unique_ptr<Control> out(new Control(executor, std::move(path)));
  const std::string& name = out->address_.name();
  if (name.empty()) return failure(out->path_, std::strerror(errno));
  const Result<void, std::string> cleared = clear(name);
  if (!cleared) return cleared.error();
  boost::system::error_code ec;
  out->acceptor_.open(Protocol(), ec);
  if (!ec) out->acceptor_.bind(Protocol::endpoint(name), ec);
  // Nobody can connect before listen(), and then only the owner.
  if (!ec && ::chmod(name.c_str(), kOwnerOnly) != 0) {
    ec.assign(errno, boost::system::system_category());
  }
  if (!ec) out->acceptor_.listen(kBacklog, ec);
  if (ec) return failure(out->path_, ec.message());
  return out;
}

Control::~Control() {
  boost::system::error_code ec;
  const bool listened = acceptor_.is_open();
  acceptor_.close(ec);
  if (listened) ::unlink(address_.name().c_str());
  for (Running& running : running_)
    running.sink.cancel();
  running_.clear();
}

void Control::serve(spool::Spool& spool, std::vector<Worker*> workers, ReloadHandler reload) {
  target_.reload = std::move(reload);
  target_.spool = &spool;
  target_.workers = std::move(workers);
  boost::asio::co_spawn(acceptor_.get_executor(), accept_loop(), boost::asio::detached);
}

net::Awaitable<void> Control::accept_loop() {
  net::Timer pause(acceptor_.get_executor());
  for (;;) {
    auto [ec, accepted] = co_await acceptor_.async_accept(net::as_result);
    if (ec == boost::asio::error::operation_aborted) co_return;
    if (ec) {
      spdlog::warn("control socket: accept: {}", ec.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(net::as_result);
      continue;
    }
    auto socket = std::make_shared<Socket>(std::move(accepted));
    boost::asio::co_spawn(
        acceptor_.get_executor(), receive(std::move(socket)), boost::asio::detached);
  }
}

net::Awaitable<void> Control::receive(std::shared_ptr<Socket> socket) {
  net::Timer timer(socket->get_executor());
  timer.expires_after(kRequestWait);
  timer.async_wait([socket](const net::error_code& ec) {
    boost::system::error_code ignored;
    if (!ec) socket->cancel(ignored);
  });
  std::string line;
  auto buffer = boost::asio::dynamic_buffer(line, kLongestRequest);
  const auto [ec, octets] =
      co_await boost::asio::async_read_until(*socket, buffer, '\n', net::as_result);
  timer.cancel();
  if (ec && ec != boost::asio::error::not_found) co_return;
  line.resize(ec ? 0 : octets - 1);
  carry_out(*socket, line);
}

/// `line` empty: it was too long.
void Control::carry_out(Socket& socket, const std::string& line) {
  running_.remove_if([](const Running& running) { return running.ended.load(); });
  boost::system::error_code ec;
  const int fd = socket.release(ec);
  if (ec) return;
  make_blocking(fd);
  const std::optional<uid_t> peer = peer_of(fd);
  if (!peer || (*peer != ::geteuid() && *peer != 0)) {
    spdlog::warn("control socket: user {} turned away", peer ? std::to_string(*peer) : "unknown");
    return ControlSink(fd).refuse("only root and the user that postern runs as may do that");
  }
  if (line.empty()) return ControlSink(fd).refuse("the request is empty or too long");
  if (running_.size() >= kMost) {
    return ControlSink(fd).refuse("too many requests at a time: try again");
  }
  Running& running = running_.emplace_back(fd);
  running.thread = std::jthread(
      [this, &running, line](const std::stop_token& stop) { run(running, line, stop); });
}

void Control::run(Running& running, const std::string& line, const std::stop_token& stop) {
  try {
    const Parsed<ControlRequest> request = parse_request(line);
    if (request) {
      ControlCommands(target_, running.sink, stop).run(*request);
    } else {
      running.sink.refuse(request.error().text);
    }
  } catch (const std::exception& e) {
    // A defect, or no memory: of this request alone.
    spdlog::error("control socket: {}", e.what());
  }
  running.sink.cancel();
  running.ended.store(true);
}

}  // namespace postern::gateway
