// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/control_request.h"
#include "mailtools/sink/keeper.h"
#include "mailtools/sink/sink.h"

#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <string>
#include <string_view>

// Private to mailtools/sink.

namespace postern::sink {

/// The Unix socket by which a sink is told what to do while it runs; for its owner alone. One
/// request a line, answered one after the other, each answer ended by "ok" or "error: ...". On the
/// thread of its executor, which is none of the sink's.
class Control {
 public:
  /// `sink` and `keeper` outlive it, and it outlives what runs on `executor`.
  static Result<std::unique_ptr<Control>, SinkError> open(net::Executor executor, std::string path);
  /// Takes the socket's name away.
  ~Control();
  Control(Control&&) = delete;

  /// Answers from now on.
  void serve(Sink& sink, Keeper& keeper);
  void stop();

 private:
  using Protocol = boost::asio::local::stream_protocol;
  using Socket = boost::asio::basic_stream_socket<Protocol, net::Executor>;
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, net::Executor>;

  Control(net::Executor executor, std::string path) : path_(std::move(path)), acceptor_(executor) {}
  net::Awaitable<void> accept();
  net::Awaitable<void> answer(Socket socket);
  net::Awaitable<std::string> carry_out(std::string line);
  net::Awaitable<std::string> wait(std::uint64_t messages, std::chrono::milliseconds span);
  std::string carry_out_now(ControlRequest request);

  const std::string path_;
  Acceptor acceptor_;
  bool bound_ = false;
  Sink* sink_ = nullptr;
  Keeper* keeper_ = nullptr;
};

}  // namespace postern::sink
