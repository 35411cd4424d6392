// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/mx.h"

#include "base/printable.h"
#include "dns/cares_resolver.h"
#include "tls/certificate.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace postern::verify {
namespace {

constexpr std::size_t kMostHosts = 10;

bool leads_to_gateway(const Plan& plan, const MailExchangers::Host& host) {
  if (host.addresses.empty()) return false;  // whatever its name, no mail gets there
  const auto& names = plan.gateway_names;
  if (std::find(names.begin(), names.end(), tls::plain_host(host.name)) != names.end()) return true;
  const auto& ours = plan.gateway_addresses;
  return std::all_of(host.addresses.begin(), host.addresses.end(), [&](const IpAddress& address) {
    return std::find(ours.begin(), ours.end(), address) != ours.end();
  });
}

std::string hosts_text(const MailExchangers& found) {
  std::string out = found.implicit ? "no MX; " : "";
  for (const MailExchangers::Host& host : found.hosts) {
    if (&host != &found.hosts.front()) out += ", ";
    out += printable(host.name.empty() ? "." : host.name) + " (";
    for (const IpAddress& address : host.addresses)
      out += (&address == &host.addresses.front() ? "" : " ") + address.to_string();
    out += host.addresses.empty() ? "no address)" : ")";
  }
  return out.empty() ? std::string(dns::status_text(found.status)) : out;
}

/// Nothing can be said while DNS does not answer.
bool is_unknown(Row& row, const MailExchangers& found) {
  row.found = hosts_text(found);
  if (!dns::is_transient(found.status)) return false;
  row.why = fmt::format("DNS does not answer: {}", dns::status_text(found.status));
  return true;
}

}  // namespace

net::Awaitable<MailExchangers> find_exchangers(dns::Resolver& resolver, std::string domain) {
  MailExchangers out;
  dns::MxAnswer answer = co_await resolver.mx(domain);
  out.status = answer.status;
  if (answer.status == dns::Status::no_data) {
    const dns::AddressAnswer own = co_await resolver.addresses(domain);
    out.status = own.status;
    out.implicit = true;
    if (!own.addresses.empty()) out.hosts.push_back({domain, own.addresses});
    co_return out;
  }
  std::stable_sort(answer.records.begin(), answer.records.end(), [](const auto& a, const auto& b) {
    return a.preference < b.preference;
  });
  for (const dns::MxRecord& record : answer.records) {
    if (out.hosts.size() == kMostHosts) break;
    MailExchangers::Host host{record.exchange, {}};
    if (!record.exchange.empty()) {
      const dns::AddressAnswer addresses = co_await resolver.addresses(record.exchange);
      host.addresses = addresses.addresses;
      if (dns::is_transient(addresses.status)) out.status = addresses.status;
    }
    out.hosts.push_back(std::move(host));
  }
  co_return out;
}

Row judge_mx_alias(const Plan& plan, const MailExchangers& found) {
  Row row;
  row.name = "probe-mx-alias";
  row.title = "the technical domain's MX leads to the gateway";
  if (plan.alias.empty()) {
    row.why = "the domain has no alias in the gateway's config";
    return row;
  }
  row.sent = fmt::format("MX of {}", plan.alias);
  row.expected = fmt::format("{}", fmt::join(plan.gateway_names, ", "));
  for (const IpAddress& address : plan.gateway_addresses)
    row.expected += " " + address.to_string();
  if (is_unknown(row, found)) return row;
  row.verdict = Verdict::passed;
  const bool all = !found.hosts.empty() &&
                   std::all_of(found.hosts.begin(), found.hosts.end(), [&](const auto& host) {
                     return leads_to_gateway(plan, host);
                   });
  if (!all) {
    fail(row, "mx-alias", fmt::format("MX of {}: {}", plan.alias, row.found));
  }
  return row;
}

Row judge_mx_domain(const Plan& plan, const MailExchangers& found) {
  Row row;
  row.name = "probe-mx-domain";
  row.title = "the main domain has an MX";
  row.sent = fmt::format("MX of {}", plan.domain);
  row.expected = "Exchange, or the gateway";
  if (is_unknown(row, found)) return row;
  row.verdict = Verdict::passed;
  const bool any = std::any_of(found.hosts.begin(), found.hosts.end(), [](const auto& host) {
    return !host.addresses.empty();
  });
  if (!any) {
    fail(row, "mx-domain", fmt::format("MX of {}: {}", plan.domain, row.found));
    return row;
  }
  const bool ours = leads_to_gateway(plan, found.hosts.front());
  row.why = ours ? "it leads to the gateway"
                 : "it does not lead to the gateway: to Exchange, or before it";
  return row;
}

std::vector<Row> probe_mx(const Plan& plan, const gateway::Config& config) {
  net::IoContext io;
  MailExchangers alias;
  MailExchangers domain;
  alias.status = domain.status = dns::Status::server_failure;
  try {
    dns::CaresResolver resolver(io.get_executor(), config.dns);
    const auto ask = [&](std::string name, MailExchangers& out) -> net::Awaitable<> {
      MailExchangers found = co_await find_exchangers(resolver, std::move(name));
      out = std::move(found);
    };
    if (!plan.alias.empty()) net::asio::co_spawn(io, ask(plan.alias, alias), net::asio::detached);
    net::asio::co_spawn(io, ask(plan.domain, domain), net::asio::detached);
    io.run();
  } catch (const std::runtime_error&) {
    // The resolver cannot be set up; the statuses say that nothing is known.
  }
  return {judge_mx_alias(plan, alias), judge_mx_domain(plan, domain)};
}

}  // namespace postern::verify
