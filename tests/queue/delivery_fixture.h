// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/hop_pool.h"
#include "queue/hop_transaction.h"
#include "support/exchange_server.h"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postern::queue {

/// DNS as a table; a name that is not in it does not exist.
class FakeResolver final : public dns::Resolver {
 public:
  std::map<std::string, dns::MxAnswer> mx_records;
  std::map<std::string, dns::AddressAnswer> hosts;
  std::size_t questions = 0;

  net::Awaitable<dns::MxAnswer> mx(std::string domain) override;
  net::Awaitable<dns::AddressAnswer> addresses(std::string host) override;

  void add_host(const std::string& name, const std::vector<std::string>& addresses);
  void add_mx(const std::string& domain, std::uint16_t preference, const std::string& exchange);
};

/// How one message went.
struct Delivered {
  std::vector<smtp::Reply> recipients;
  smtp::Reply begin;
  bool taken = true;  ///< every write gave true
  smtp::Reply final;
  HopReport report;
};

/// One message to be delivered.
struct Letter {
  std::string octets = "Subject: t\r\n\r\nhello\r\n";
  smtp::Sender sender;
  std::vector<smtp::Recipient> recipients;
  std::size_t piece = 0;  ///< octets a write; 0: all at once
  LetterFacts facts;
  Letter();
};

smtp::Recipient to(std::string_view address);

/// A pool on the test's own thread, with a next hop "exchange" that has no host yet.
class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest();
  ~DeliveryTest() override;

  /// Runs a coroutine to its end.
  template <class T>
  T run(net::Awaitable<T> what) {
    std::optional<T> result;
    std::exception_ptr error;
    bool done = false;
    net::asio::co_spawn(context, std::move(what), [&](std::exception_ptr e, T value) {
      error = e;
      result = std::move(value);
      done = true;
    });
    run_until([&] { return done; });
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }
  void run(net::Awaitable<void> what);
  void run_until(const std::function<bool()>& until);

  void add_host(const test::ExchangeServer& server);
  /// A port of 127.0.0.1 at which nobody listens.
  void add_dead_host();
  HopPool& pool();
  routing::Target target() const;
  Delivered deliver(const Letter& letter = {});
  net::Awaitable<Delivered> deliver_to(Letter letter, routing::Target where);

  net::IoContext context{1};
  FakeResolver resolver;
  HopPoolConfig config;
  routing::NextHop hop;

 private:
  std::unique_ptr<HopPool> pool_;
};

/// "451 4.4.1" of a reply.
std::string status_of(const smtp::Reply& reply);

}  // namespace postern::queue
