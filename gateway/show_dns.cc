// SPDX-License-Identifier: Apache-2.0
#include "gateway/show_dns.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>

namespace postern::gateway {
namespace {

constexpr std::size_t kMostHosts = 20;  // as many as a delivery tries
constexpr std::uint16_t kSmtpPort = 25;

/// Shared with the questions under way, which may outlive the wait.
struct Asking {
  dns::Resolver* resolver = nullptr;
  std::vector<routing::HostSpec> hosts;
  DnsReport report;
  std::set<std::string> seen;
  bool done = false;
};
using AskingPtr = std::shared_ptr<Asking>;

template <class Answer>
DnsFinding finding_of(std::string type, std::string name, const Answer& answer) {
  DnsFinding out;
  out.type = std::move(type);
  out.name = std::move(name);
  out.status = std::string(dns::status_text(answer.status));
  out.secure = answer.secure;
  return out;
}

std::string text_of(const TlsaRecord& record) {
  std::string hex;
  for (const char c : record.data)
    fmt::format_to(std::back_inserter(hex), "{:02x}", static_cast<unsigned char>(c));
  return fmt::format("{} {} {} {}", record.usage, record.selector, record.matching, hex);
}

net::Awaitable<void> ask_host(AskingPtr asking, std::string host, std::uint16_t port, bool secure) {
  if (parse_ip(host) || asking->seen.size() == kMostHosts) co_return;
  if (!asking->seen.insert(host).second) co_return;
  const dns::AddressAnswer found = co_await asking->resolver->addresses(host);
  DnsFinding addresses = finding_of("A/AAAA", host, found);
  for (const IpAddress& address : found.addresses)
    addresses.records.push_back(address.to_string());
  asking->report.findings.push_back(std::move(addresses));
  if (!secure || !found.secure || found.addresses.empty()) co_return;
  const dns::TlsaAnswer tlsa = co_await asking->resolver->tlsa(host, port);
  DnsFinding records = finding_of("TLSA", fmt::format("_{}._tcp.{}", port, host), tlsa);
  for (const TlsaRecord& record : tlsa.records)
    records.records.push_back(text_of(record));
  asking->report.findings.push_back(std::move(records));
}

net::Awaitable<void> ask_mx(AskingPtr asking, std::string domain, std::uint16_t port) {
  dns::MxAnswer found = co_await asking->resolver->mx(domain);
  std::stable_sort(found.records.begin(), found.records.end(), [](const auto& a, const auto& b) {
    return a.preference < b.preference;
  });
  DnsFinding mx = finding_of("MX", domain, found);
  for (const dns::MxRecord& record : found.records) {
    const std::string exchange = record.exchange.empty() ? "." : record.exchange;
    mx.records.push_back(fmt::format("{} {}", record.preference, exchange));
  }
  asking->report.findings.push_back(std::move(mx));
  if (found.status == dns::Status::no_data) {
    co_await ask_host(asking, domain, port, found.secure);
  }
  for (const dns::MxRecord& record : found.records) {
    if (record.exchange.empty()) continue;
    co_await ask_host(asking, record.exchange, port, found.secure);
  }
}

net::Awaitable<void> ask_all(AskingPtr asking) {
  for (const routing::HostSpec& host : asking->hosts) {
    if (!host.mx) {
      co_await ask_host(asking, host.host, host.port, true);
      continue;
    }
    co_await ask_mx(asking, host.host, host.port);
  }
  asking->done = true;
}

std::vector<routing::HostSpec> hosts_of(const routing::Target& target) {
  std::vector<routing::HostSpec> hosts;
  for (const routing::NextHop* hop : target.hops)
    hosts.insert(hosts.end(), hop->hosts.begin(), hop->hosts.end());
  if (target.hops.empty()) {
    routing::HostSpec domain;
    domain.host = target.mx_domain;
    domain.port = kSmtpPort;
    domain.mx = true;
    hosts.push_back(std::move(domain));
  }
  // An address literal names its host itself.
  std::erase_if(hosts, [](const auto& h) { return h.mx ? h.host.starts_with('[') : false; });
  return hosts;
}

}  // namespace

std::string DnsFinding::text() const {
  return fmt::format("{} of {}: {}{}",
                     type,
                     name,
                     records.empty() ? status : fmt::format("{}", fmt::join(records, ", ")),
                     secure ? " (DNSSEC)" : "");
}

DnsReport show_dns(const routing::Target& target,
                   dns::Resolver& resolver,
                   net::IoContext& context,
                   std::chrono::milliseconds wait) {
  const auto asking = std::make_shared<Asking>();
  asking->resolver = &resolver;
  asking->hosts = hosts_of(target);
  boost::asio::co_spawn(context, ask_all(asking), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.restart();
  const net::TimePoint end = net::Clock::now() + wait;
  while (!asking->done && context.run_one_until(end) != 0) {
  }
  asking->report.complete = asking->done;
  return asking->report;
}

}  // namespace postern::gateway
