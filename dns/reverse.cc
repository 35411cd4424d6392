// SPDX-License-Identifier: Apache-2.0
#include "dns/reverse.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <list>
#include <map>

namespace postern::dns {
namespace {

/// Of the names that an address gives itself; a host has one, or a few.
constexpr std::size_t kMaxNames = 4;
/// How long a result is kept at least: a name server that is out of reach would otherwise cost each
/// session of a client its time-out.
constexpr std::chrono::seconds kLeastTtl{60};
constexpr std::chrono::seconds kMostTtl{3600};

/// The question about one address.
struct Lookup {
  Lookup(const net::Executor& executor, net::TimePoint until) : done(executor, until) {}
  net::Timer done;  ///< fires when nobody waits any longer; cancelled when the answer is there
  bool known = false;
  std::string name;
  net::TimePoint expires = net::TimePoint::max();
  std::list<IpAddress>::iterator age;
};

struct Confirmed {
  std::string name;
  std::chrono::seconds ttl{0};
};

}  // namespace

/// Shared with the coroutines that ask, which may outlive the ReverseLookup.
struct ReverseLookup::State : std::enable_shared_from_this<ReverseLookup::State> {
  State(net::Executor e, Resolver& asking, const Config& config)
      : executor(e),
        resolver(&asking),
        on(config.reverse_lookup),
        limit(config.reverse_timeout),
        most(config.cache_entries) {}

  std::shared_ptr<Lookup> find(const IpAddress& client);
  void make_room();
  static net::Awaitable<Confirmed> ask(std::shared_ptr<State> state, IpAddress client);
  static net::Awaitable<std::string> name(std::shared_ptr<State> state, IpAddress client);

  net::Executor executor;
  Resolver* resolver;  ///< null: it may be gone
  bool on;
  std::chrono::milliseconds limit;
  std::size_t most;
  std::map<IpAddress, std::shared_ptr<Lookup>> lookups;
  std::list<IpAddress> by_age;  ///< the oldest first
};

net::Awaitable<Confirmed> ReverseLookup::State::ask(std::shared_ptr<State> state,
                                                    IpAddress client) {
  Confirmed none;
  if (state->resolver == nullptr) co_return none;
  NameAnswer found = co_await state->resolver->names(client);
  none.ttl = found.ttl;
  if (found.names.size() > kMaxNames) found.names.resize(kMaxNames);
  for (std::string& name : found.names) {
    if (state->resolver == nullptr) break;
    if (parse_ip(name)) continue;  // it would confirm itself
    const AddressAnswer back = co_await state->resolver->addresses(name);
    const auto& all = back.addresses;
    if (std::find(all.begin(), all.end(), client) == all.end()) continue;
    Confirmed confirmed;
    confirmed.name = std::move(name);
    confirmed.ttl = std::min(found.ttl, back.ttl);
    co_return confirmed;
  }
  co_return none;
}

void ReverseLookup::State::make_room() {
  while (!by_age.empty() && lookups.size() >= std::max<std::size_t>(most, 1)) {
    lookups.erase(by_age.front());
    by_age.pop_front();
  }
}

std::shared_ptr<Lookup> ReverseLookup::State::find(const IpAddress& client) {
  const net::TimePoint now = net::Clock::now();
  const auto known = lookups.find(client);
  if (known != lookups.end()) {
    if (known->second->expires > now) return known->second;
    by_age.erase(known->second->age);
    lookups.erase(known);
  }
  make_room();
  const auto lookup = std::make_shared<Lookup>(executor, now + limit);
  lookups.emplace(client, lookup);
  lookup->age = by_age.insert(by_age.end(), client);
  const auto keep = [lookup](const std::exception_ptr& error, Confirmed confirmed) {
    if (error) confirmed = Confirmed();
    lookup->known = true;
    lookup->name = std::move(confirmed.name);
    lookup->expires = net::Clock::now() + std::clamp(confirmed.ttl, kLeastTtl, kMostTtl);
    lookup->done.cancel();
  };
  net::asio::co_spawn(executor, ask(shared_from_this(), client), keep);
  return lookup;
}

net::Awaitable<std::string> ReverseLookup::State::name(std::shared_ptr<State> state,
                                                       IpAddress client) {
  const std::shared_ptr<Lookup> lookup = state->find(client);
  if (!lookup->known) {
    [[maybe_unused]] const auto [ec] = co_await lookup->done.async_wait(net::as_result);
  }
  co_return lookup->name;
}

ReverseLookup::ReverseLookup(net::Executor executor, Resolver& resolver, const Config& config)
    : state_(std::make_shared<State>(executor, resolver, config)) {}

ReverseLookup::~ReverseLookup() {
  state_->resolver = nullptr;
}

bool ReverseLookup::looks_up(const IpAddress& client) const {
  return state_->on && !client.is_loopback();
}

void ReverseLookup::begin(const IpAddress& client) {
  if (looks_up(client)) state_->find(client);
}

net::Awaitable<std::string> ReverseLookup::name(IpAddress client) {
  if (!looks_up(client)) co_return std::string();
  std::string name = co_await State::name(state_, client);
  co_return name;
}

std::size_t ReverseLookup::size() const {
  return state_->lookups.size();
}

}  // namespace postern::dns
