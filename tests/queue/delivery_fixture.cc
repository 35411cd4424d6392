// SPDX-License-Identifier: Apache-2.0
#include "delivery_fixture.h"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

std::uint16_t unused_port() {
  net::IoContext context;
  const net::Acceptor acceptor(context.get_executor(),
                               net::Endpoint(net::asio::ip::address_v4::loopback(), 0));
  return acceptor.local_endpoint().port();
}

}  // namespace

net::Awaitable<dns::MxAnswer> FakeResolver::mx(std::string domain) {
  ++questions;
  dns::MxAnswer answer;
  const auto found = mx_records.find(domain);
  if (found != mx_records.end()) {
    answer = found->second;
  } else {
    answer.status = hosts.contains(domain) ? dns::Status::no_data : dns::Status::nx_domain;
  }
  co_return answer;
}

net::Awaitable<dns::AddressAnswer> FakeResolver::addresses(std::string host) {
  ++questions;
  dns::AddressAnswer answer;
  const auto found = hosts.find(host);
  if (found != hosts.end()) {
    answer = found->second;
  } else {
    answer.status = dns::Status::nx_domain;
  }
  co_return answer;
}

void FakeResolver::add_host(const std::string& name, const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses)
    hosts[name].addresses.push_back(*parse_ip(text));
}

void FakeResolver::add_mx(const std::string& domain,
                          std::uint16_t preference,
                          const std::string& exchange) {
  mx_records[domain].records.push_back(dns::MxRecord{preference, exchange});
}

Letter::Letter() {
  sender.path = smtp::ReversePath(smtp::Mailbox("sender", "e.com"));
  recipients.push_back(to("i.ivanov@company.ru"));
}

smtp::Recipient to(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return {smtp::Mailbox(address.substr(0, at), address.substr(at + 1)), {}};
}

std::string status_of(const smtp::Reply& reply) {
  const smtp::EnhancedStatus s = reply.status();
  return std::to_string(reply.code()) + " " + std::to_string(s.klass) + "." +
         std::to_string(s.subject) + "." + std::to_string(s.detail);
}

DeliveryTest::DeliveryTest() {
  config.hostname = "gw.company.ru";
  config.tls = *tls::Context::opportunistic_client();
  config.health = std::make_shared<HopHealth>();
  hop.name = "exchange";
  hop.tls = routing::NextHop::Tls::none;
}

DeliveryTest::~DeliveryTest() {
  // Tells servers goodbye, so that none of them waits for its patience to end.
  if (pool_) run(pool_->close_idle());
}

void DeliveryTest::run_until(const std::function<bool()>& until) {
  while (!until()) {
    if (context.stopped()) context.restart();
    context.run_one();
  }
}

void DeliveryTest::run(net::Awaitable<void> what) {
  bool done = false;
  std::exception_ptr error;
  net::asio::co_spawn(context, std::move(what), [&](std::exception_ptr e) {
    error = e;
    done = true;
  });
  run_until([&] { return done; });
  if (error) std::rethrow_exception(error);
}

void DeliveryTest::add_host(const test::ExchangeServer& server) {
  routing::HostSpec host;
  host.host = server.habits().address;
  host.port = server.port();
  hop.hosts.push_back(host);
}

void DeliveryTest::add_dead_host() {
  routing::HostSpec host;
  host.host = "127.0.0.1";
  host.port = unused_port();
  hop.hosts.push_back(host);
}

HopPool& DeliveryTest::pool() {
  if (!pool_) pool_ = std::make_unique<HopPool>(context.get_executor(), config, resolver);
  return *pool_;
}

routing::Target DeliveryTest::target() const {
  routing::Target out;
  out.hops.push_back(&hop);
  return out;
}

Delivered DeliveryTest::deliver(const Letter& letter) {
  return run(deliver_to(letter, target()));
}

net::Awaitable<Delivered> DeliveryTest::deliver_to(Letter letter, routing::Target where) {
  Delivered out;
  HopTransaction delivery(pool(), where, letter.sender, letter.facts);
  bool accepted = false;
  for (const smtp::Recipient& recipient : letter.recipients) {
    const smtp::Reply reply = co_await delivery.recipient(recipient);
    accepted = accepted || reply.is_positive();
    out.recipients.push_back(reply);
  }
  if (accepted) out.begin = co_await delivery.begin();
  if (out.begin.is_positive()) {
    std::string_view rest = letter.octets;
    while (!rest.empty()) {
      const std::size_t n = letter.piece == 0 ? rest.size() : std::min(letter.piece, rest.size());
      const bool taken = co_await delivery.write(rest.substr(0, n));
      out.taken = out.taken && taken;
      rest.remove_prefix(n);
    }
    out.final = co_await delivery.finish();
  }
  out.report = delivery.report();
  co_return out;
}

}  // namespace postern::queue
