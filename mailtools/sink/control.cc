// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/control.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::sink {
namespace {

namespace asio = net::asio;

constexpr int kControlBacklog = 16;
constexpr std::chrono::milliseconds kControlPause{20};
constexpr mode_t kOwnerOnly = 0600;

SinkError control_error(const std::string& path, const std::string& why) {
  return SinkError{fmt::format("--control {}: {}", path, why)};
}

/// A socket that nobody listens on any more goes; anything else that has its name stays.
Result<void, SinkError> clear_name(const net::Executor& executor, const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return control_error(path, "there is something that is no socket; move it away");
  using Protocol = asio::local::stream_protocol;
  asio::basic_stream_socket<Protocol, net::Executor> probe(executor);
  net::error_code ec;
  probe.connect(Protocol::endpoint(path), ec);
  if (!ec) return control_error(path, "another sink listens there; write another path");
  if (::unlink(path.c_str()) != 0) return control_error(path, std::strerror(errno));
  return {};
}

std::string rows_of(const std::vector<FaultTable::Row>& rows) {
  std::string out;
  for (const FaultTable::Row& row : rows)
    out += fmt::format("{} struck {} {}\n", row.number, row.struck, row.text);
  return out;
}

constexpr std::string_view kOk = "ok\n";

}  // namespace

Result<std::unique_ptr<Control>, SinkError> Control::open(net::Executor executor,
                                                          std::string path) {
  // sockaddr_un has room for so much.
  constexpr std::size_t kLongestPath = 107;
  if (path.size() > kLongestPath)
    return control_error(path, fmt::format("write a path of {} octets at most", kLongestPath));
  const Result<void, SinkError> cleared = clear_name(executor, path);
  if (!cleared) return cleared.error();
  std::unique_ptr<Control> out(new Control(executor, std::move(path)));
  net::error_code ec;
  out->acceptor_.open(Protocol(), ec);
  if (!ec) out->acceptor_.bind(Protocol::endpoint(out->path_), ec);
  out->bound_ = !ec;
  // Nobody can connect before listen(), and then only the owner.
  if (!ec && ::chmod(out->path_.c_str(), kOwnerOnly) != 0)
    ec.assign(errno, boost::system::system_category());
  if (!ec) out->acceptor_.listen(kControlBacklog, ec);
  if (ec) return control_error(out->path_, ec.message() + "; write another path");
  return out;
}

Control::~Control() {
  stop();
}

void Control::stop() {
  net::error_code ignored;
  acceptor_.close(ignored);
  if (std::exchange(bound_, false)) ::unlink(path_.c_str());
}

void Control::serve(Sink& sink, Keeper& keeper) {
  sink_ = &sink;
  keeper_ = &keeper;
  asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
}

net::Awaitable<void> Control::accept() {
  net::Timer pause(acceptor_.get_executor());
  while (acceptor_.is_open()) {
    auto [ec, socket] = co_await acceptor_.async_accept(net::as_result);
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) {
      pause.expires_after(kControlPause);
      co_await pause.async_wait(net::as_result);
      continue;
    }
    asio::co_spawn(acceptor_.get_executor(), answer(std::move(socket)), asio::detached);
  }
}

/// One client, for as long as it likes: it is the sink's owner.
net::Awaitable<void> Control::answer(Socket socket) {
  std::string input;
  for (;;) {
    auto buffer = asio::dynamic_buffer(input, kLongestRequest);
    const auto [ec, octets] = co_await asio::async_read_until(socket, buffer, '\n', net::as_result);
    std::string said;
    if (ec == asio::error::not_found) {
      said = fmt::format("error: write lines of {} octets at most\n", kLongestRequest);
    } else if (ec) {
      co_return;
    } else {
      std::string line = input.substr(0, octets - 1);
      input.erase(0, octets);
      said = co_await carry_out(std::move(line));
    }
    const auto [failed, written] =
        co_await asio::async_write(socket, asio::buffer(said), net::as_result);
    if (failed || ec) co_return;
  }
}

net::Awaitable<std::string> Control::carry_out(std::string line) {
  Result<ControlRequest, FaultError> request = parse_control(line);
  if (!request) co_return "error: " + request.error().text + "\n";
  if (request->kind != ControlRequest::Kind::wait) co_return carry_out_now(*std::move(request));
  std::string said = co_await wait(request->number, request->span);
  co_return said;
}

std::string Control::carry_out_now(ControlRequest request) {
  using Kind = ControlRequest::Kind;
  std::string out;
  switch (request.kind) {
    case Kind::count:
      out = counts_line(sink_->counts()) + "\n";
      break;
    case Kind::add: {
      if (request.fault.kind == Fault::Kind::tls_fail && !sink_->has_tls())
        return "error: without TLS tls-fail strikes nobody; start the sink with --tls, or "
               "--tls-cert and --tls-key\n";
      const std::size_t number = sink_->faults().add(std::move(request.fault));
      if (number == 0)
        return fmt::format("error: there are {} faults; clear some\n", FaultTable::kMost);
      out = fmt::format("fault {}\n", number);
      break;
    }
    case Kind::list:
      out = rows_of(sink_->faults().list());
      break;
    case Kind::clear:
      if (request.number == 0) {
        sink_->faults().clear();
      } else if (!sink_->faults().remove(request.number)) {
        return fmt::format("error: there is no fault {}; \"list\" has those that there are\n",
                           request.number);
      }
      break;
    case Kind::pause:
      sink_->pause();
      break;
    case Kind::resume: {
      const Result<void, SinkError> resumed = sink_->resume();
      if (!resumed) return "error: " + resumed.error().text + "\n";
      break;
    }
    case Kind::last:
      for (const std::string& line : keeper_->last(request.number))
        out += line + "\n";
      break;
    case Kind::wait:
      break;  // carry_out() has it
  }
  return out.append(kOk);
}

net::Awaitable<std::string> Control::wait(std::uint64_t messages, std::chrono::milliseconds span) {
  // Whoever calls may be late: the timer is shared with the call, which is posted to this thread.
  auto timer = std::make_shared<net::Timer>(acceptor_.get_executor());
  timer->expires_after(span);
  auto reached = std::make_shared<bool>(false);
  const std::uint64_t number =
      keeper_->when_counted(messages, [timer, reached, on = acceptor_.get_executor()] {
        asio::post(on, [timer, reached] {
          *reached = true;
          timer->cancel();
        });
      });
  co_await timer->async_wait(net::as_result);
  keeper_->forget(number);
  const SinkCounts counts = sink_->counts();
  const std::string said = counts_line(counts) + "\n";
  if (*reached || counts.messages >= messages) co_return said + std::string(kOk);
  co_return said + fmt::format("error: not {} messages in that time\n", messages);
}

}  // namespace postern::sink
