// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"
#include "gateway/control_commands.h"
#include "gateway/control_socket.h"

#include <boost/asio/local/stream_protocol.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>

namespace postern::gateway {

/// The control socket: what `postern queue` talks to. Its owner and root may, nobody else. Requests
/// are read on the executor's thread; each is carried out on a thread of its own. Made, served and
/// destroyed by the executor's thread, while the workers run.
class Control {
 public:
  /// Requests at a time; more are told to come again.
  static constexpr std::size_t kMost = 8;

  /// Takes the path, on which a dead process may have left a socket: whoever calls has data_dir
  /// for itself. An error is a sentence.
  static Result<std::unique_ptr<Control>, std::string> open(net::Executor executor,
                                                            std::string path);
  /// Ends what is under way, and removes the socket.
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// What stats says of waves; before serve().
  void show_waves(std::function<std::vector<routing::WaveConfig>()> waves) {
    target_.waves = std::move(waves);
  }
  /// What `postern hops` tells of; before serve(). `next_hops`: those of the config that is served
  /// now; any thread.
  void show_hops(std::function<std::vector<routing::NextHop>()> next_hops,
                 std::shared_ptr<const queue::HopHealth> health) {
    target_.next_hops = std::move(next_hops);
    target_.health = std::move(health);
  }
  /// What `postern tls-report` tells of; before serve().
  void show_tls_reports(TlsReporter* reports) { target_.tls_reports = reports; }
  /// What `postern stats` prints; before serve(). `page`: any thread.
  void show_metrics(std::function<std::string()> page) { target_.metrics = std::move(page); }
  /// Answers from now on.
  void serve(spool::Spool& spool, std::vector<Worker*> workers, ReloadHandler reload = {});
  const std::string& path() const { return path_; }

 private:
  using Protocol = boost::asio::local::stream_protocol;
  using Socket = boost::asio::basic_stream_socket<Protocol, net::Executor>;
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol, net::Executor>;

  /// One request that is being carried out.
  struct Running {
    explicit Running(int fd) : sink(fd) {}
    ControlSink sink;
    std::atomic<bool> ended{false};
    std::jthread thread;  ///< last: it uses the others
  };

  Control(net::Executor executor, std::string path);
  net::Awaitable<void> accept_loop();
  net::Awaitable<void> receive(std::shared_ptr<Socket> socket);
  void carry_out(Socket& socket, const std::string& line);
  void run(Running& running, const std::string& line, const std::stop_token& stop);

  const std::string path_;
  ControlAddress address_;
  Acceptor acceptor_;
  ControlTarget target_;
  std::list<Running> running_;
};

}  // namespace postern::gateway
