// SPDX-License-Identifier: Apache-2.0
#include "dns/targets.h"

#include "dns/name.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>

namespace postern::dns {
namespace asio = net::asio;
namespace {

constexpr std::size_t kMaxTargets = 20;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_bracketed(std::string_view text) {
  return text.size() >= 2 && text.front() == '[' && text.back() == ']';
}

/// The address in "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3) or "[2001:db8::1]".
std::optional<IpAddress> parse_literal(std::string_view text) {
  std::string_view inner = text.substr(1, text.size() - 2);
  if (lower(inner.substr(0, 5)) == "ipv6:") inner.remove_prefix(5);
  return parse_ip(inner);
}

Targets nowhere(Targets::Outcome outcome, std::string detail) {
  Targets targets;
  targets.outcome = outcome;
  targets.detail = std::move(detail);
  return targets;
}

std::string failure(Status status, std::string_view type, std::string_view name) {
  return std::string(status_text(status)) + " for " + std::string(type) + " of " +
         std::string(name);
}

Targets only(const IpAddress& address, std::uint16_t port) {
  Targets targets;
  targets.targets.push_back(Target{address.to_string(), net::Endpoint(address, port)});
  return targets;
}

void append(Targets& targets,
            const std::string& host,
            const AddressAnswer& answer,
            std::uint16_t port,
            bool secure_mx) {
  for (const IpAddress& address : answer.addresses) {
    if (targets.targets.size() == kMaxTargets) return;
    Target target{host, net::Endpoint(address, port), secure_mx, answer.secure};
    target.canonical = answer.canonical;
    target.secure_alias = answer.secure_alias;
    targets.targets.push_back(std::move(target));
  }
}

/// Exchanges by preference, equals shuffled (RFC 5321 section 5.1), each name once, without "."
/// (which is no host; alone it is the null MX).
std::vector<std::string> ordered_exchanges(std::vector<MxRecord> records, std::mt19937& random) {
  std::shuffle(records.begin(), records.end(), random);
  std::stable_sort(records.begin(), records.end(), [](const MxRecord& a, const MxRecord& b) {
    return a.preference < b.preference;
  });
  std::vector<std::string> names;
  for (const MxRecord& record : records) {
    std::string name = lower(record.exchange);
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(std::move(name));
    if (names.size() == kMaxTargets) break;
  }
  return names;
}

/// Look-ups that run side by side; shared with their ends, which may come after the one who waits
/// has gone.
struct Gathering {
  Gathering(const net::Executor& executor, std::size_t count)
      : done(executor, net::TimePoint::max()), left(count), answers(count) {}
  net::Timer done;  ///< never fires: cancelled when nothing is left
  std::size_t left;
  std::vector<AddressAnswer> answers;
};

net::Awaitable<std::vector<AddressAnswer>> all_addresses(Resolver& resolver,
                                                         std::vector<std::string> names) {
  const net::Executor executor = co_await asio::this_coro::executor;
  const auto gathering = std::make_shared<Gathering>(executor, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto keep = [gathering, i](const std::exception_ptr& e, AddressAnswer answer) {
      if (e) answer.status = Status::server_failure;
      gathering->answers[i] = std::move(answer);
      if (--gathering->left == 0) gathering->done.cancel();
    };
    asio::co_spawn(executor, resolver.addresses(names[i]), std::move(keep));
  }
  if (gathering->left != 0) {
    [[maybe_unused]] const auto [ec] = co_await gathering->done.async_wait(net::as_result);
  }
  co_return std::move(gathering->answers);
}

/// The targets of `name`'s own addresses, when there is no MX to name others.
net::Awaitable<Targets> own_addresses(Resolver& resolver,
                                      std::string name,
                                      std::uint16_t port,
                                      Targets::Outcome when_none,
                                      bool secure_mx) {
  const AddressAnswer answer = co_await resolver.addresses(name);
  if (answer.status == Status::ok) {
    Targets targets;
    // As certificates, policies and SNI have it.
    const std::string host = query_name(name).value_or(name);
    append(targets, host, answer, port, secure_mx);
    co_return targets;
  }
  std::string detail = failure(answer.status, "A and AAAA", name);
  if (is_transient(answer.status)) co_return nowhere(Targets::Outcome::unknown, std::move(detail));
  const bool exists = answer.status == Status::no_data;
  co_return nowhere(exists ? when_none : Targets::Outcome::no_domain, std::move(detail));
}

net::Awaitable<Targets> exchange_addresses(Resolver& resolver,
                                           std::string domain,
                                           std::vector<std::string> names,
                                           std::uint16_t port,
                                           bool secure_mx) {
  const std::vector<AddressAnswer> answers = co_await all_addresses(resolver, names);
  Targets targets;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const AddressAnswer& answer = answers[i];
    if (answer.status == Status::ok) {
      append(targets, names[i], answer, port, secure_mx);
    } else if (targets.detail.empty() || is_transient(answer.status)) {
      targets.detail = failure(answer.status, "A and AAAA", names[i]);
      if (is_transient(answer.status)) targets.outcome = Targets::Outcome::unknown;
    }
  }
  if (!targets.targets.empty()) {
    targets.outcome = Targets::Outcome::found;
  } else if (targets.outcome != Targets::Outcome::unknown) {
    targets.outcome = Targets::Outcome::no_address;
    targets.detail = "no MX of " + domain + " has an address: " + targets.detail;
  }
  co_return targets;
}

}  // namespace

net::Awaitable<Targets> mail_targets(Resolver& resolver,
                                     std::string domain,
                                     std::uint16_t port,
                                     std::mt19937& random) {
  using Outcome = Targets::Outcome;
  if (is_bracketed(domain)) {
    const auto address = parse_literal(domain);
    if (address) co_return only(*address, port);
    co_return nowhere(Outcome::no_domain, domain + " is no address");
  }
  MxAnswer answer = co_await resolver.mx(domain);
  if (is_transient(answer.status))
    co_return nowhere(Outcome::unknown, failure(answer.status, "MX", domain));
  if (answer.status == Status::nx_domain || answer.status == Status::bad_name)
    co_return nowhere(Outcome::no_domain, failure(answer.status, "MX", domain));
  if (answer.status == Status::no_data || answer.records.empty()) {
    // That there is no MX is a fact to be validated, too.
    co_return co_await own_addresses(
        resolver, std::move(domain), port, Outcome::no_domain, answer.secure);
  }
  std::vector<std::string> names = ordered_exchanges(std::move(answer.records), random);
  if (names.empty()) co_return nowhere(Outcome::null_mx, domain + " takes no mail (null MX)");
  co_return co_await exchange_addresses(
      resolver, std::move(domain), std::move(names), port, answer.secure);
}

net::Awaitable<Targets> host_targets(Resolver& resolver, std::string host, std::uint16_t port) {
  const auto address = is_bracketed(host) ? parse_literal(host) : parse_ip(host);
  if (address) co_return only(*address, port);
  co_return co_await own_addresses(
      resolver, std::move(host), port, Targets::Outcome::no_address, true);
}

}  // namespace postern::dns
