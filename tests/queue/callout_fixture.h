// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "callout_server.h"
#include "delivery_fixture.h"
#include "queue/callout.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postern::queue {

/// A callout with settings for tests, made when it is first asked.
class CalloutTest : public ::testing::Test {
 protected:
  CalloutTest() {
    settings.name = "vk";
    settings.next_hop.name = "vk";
    settings.next_hop.tls = routing::NextHop::Tls::none;
    settings.timeout = std::chrono::seconds(20);
    settings.connections = 1;
    settings.probe = false;
    settings.pool.hostname = "gw.company.ru";
    settings.resolver = [](const net::Executor&) { return std::make_unique<FakeResolver>(); };
  }

  void add_host(std::uint16_t port) {
    routing::HostSpec host;
    host.host = "127.0.0.1";
    host.port = port;
    settings.next_hop.hosts.push_back(host);
  }

  Callout& callout() {
    if (!callout_) callout_ = std::make_unique<Callout>(settings);
    return *callout_;
  }

  /// Asks for all of them at once, on a loop of the caller's own.
  std::vector<routing::DirectoryAnswer> ask_all(const std::vector<std::string>& locals,
                                                const std::function<void()>& meanwhile = {}) {
    net::IoContext context{1};
    std::vector<routing::DirectoryAnswer> out(locals.size());
    Callout& directory = callout();
    for (std::size_t i = 0; i < locals.size(); ++i) {
      net::asio::co_spawn(context,
                          directory.look_up(smtp::Mailbox(locals[i], "company.ru")),
                          [&out, i](const std::exception_ptr&, routing::DirectoryAnswer answer) {
                            out[i] = std::move(answer);
                          });
    }
    if (meanwhile) {
      context.poll();
      meanwhile();
    }
    context.run();
    return out;
  }
  routing::DirectoryAnswer ask(const std::string& local) { return ask_all({local}).front(); }
  /// Asks a new callout with the settings as they are now.
  routing::DirectoryAnswer ask_other(const std::string& local) {
    callout_.reset();
    return ask(local);
  }

  CalloutSettings settings;

 private:
  std::unique_ptr<Callout> callout_;
};

/// How evidence names a server.
inline std::string port_of(const test::CalloutServer& server) {
  return "(127.0.0.1:" + std::to_string(server.port()) + ")";
}

}  // namespace postern::queue
