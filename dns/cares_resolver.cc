// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_resolver.h"

#include "dns/answer.h"
#include "dns/answer_cache.h"
#include "dns/cares_channel.h"
#include "dns/name.h"

#include <optional>
#include <unordered_map>

namespace postern::dns {
namespace {

/// A query under way, or one that the cache answered. The timer never fires: cancelling it wakes
/// whoever waits.
struct Pending {
  explicit Pending(const net::Executor& executor) : done(executor, net::TimePoint::max()) {}
  net::Timer done;
  std::optional<Answer> answer;
};

std::string cache_key(const std::string& name, RecordType type) {
  return std::to_string(static_cast<int>(type)) + ' ' + name;
}

AddressAnswer known_addresses(std::vector<IpAddress> addresses) {
  AddressAnswer answer;
  answer.addresses = std::move(addresses);
  answer.ttl = std::chrono::hours(24);
  return answer;
}

}  // namespace

/// Shared with the coroutines that wait, which may outlive the resolver.
struct CaresResolver::Core : std::enable_shared_from_this<CaresResolver::Core> {
  Core(net::Executor e, const Config& config)
      : executor(e), channel(CaresChannel::make(e, config)), cache(config) {}

  std::shared_ptr<Pending> ask(const std::string& name, RecordType type);
  void settle(const std::string& key, Pending& pending, Answer answer);

  static net::Awaitable<Answer> finish(std::shared_ptr<Pending> pending);
  static net::Awaitable<MxAnswer> mx(std::shared_ptr<Core> core, std::string domain);
  static net::Awaitable<AddressAnswer> addresses(std::shared_ptr<Core> core, std::string host);

  net::Executor executor;
  std::shared_ptr<CaresChannel> channel;
  AnswerCache cache;
  /// One for each name and type; bounded by the sessions, of which each waits for a few at most.
  std::unordered_map<std::string, std::shared_ptr<Pending>> under_way;
};

std::shared_ptr<Pending> CaresResolver::Core::ask(const std::string& name, RecordType type) {
  const std::string key = cache_key(name, type);
  if (const auto same = under_way.find(key); same != under_way.end()) return same->second;
  auto pending = std::make_shared<Pending>(executor);
  if (const Answer* const known = cache.find(key, net::Clock::now())) {
    pending->answer = *known;
    return pending;
  }
  under_way.emplace(key, pending);
  channel->query(name,
                 type,
                 [weak = weak_from_this(), key, pending, type](
                     int status, std::span<const unsigned char> message) {
                   if (const auto core = weak.lock())
                     core->settle(key, *pending, read_answer(type, status, message));
                 });
  return pending;
}

void CaresResolver::Core::settle(const std::string& key, Pending& pending, Answer answer) {
  cache.store(key, answer, net::Clock::now());
  pending.answer = std::move(answer);
  pending.done.cancel();
  under_way.erase(key);
}

net::Awaitable<Answer> CaresResolver::Core::finish(std::shared_ptr<Pending> pending) {
  if (!pending->answer) {
    [[maybe_unused]] const auto [ec] = co_await pending->done.async_wait(net::as_result);
  }
  co_return pending->answer.value_or(Answer());
}

net::Awaitable<MxAnswer> CaresResolver::Core::mx(std::shared_ptr<Core> core, std::string domain) {
  MxAnswer result;
  const std::optional<std::string> name = query_name(domain);
  if (!name) {
    result.status = Status::bad_name;
    co_return result;
  }
  const std::shared_ptr<Pending> pending = core->ask(*name, RecordType::mx);
  Answer answer = co_await finish(pending);
  result.status = answer.status;
  result.records = std::move(answer.mx);
  result.ttl = answer.ttl;
  co_return result;
}

net::Awaitable<AddressAnswer> CaresResolver::Core::addresses(std::shared_ptr<Core> core,
                                                             std::string host) {
  namespace ip = net::asio::ip;
  if (const auto literal = parse_ip(host)) co_return known_addresses({*literal});
  const std::optional<std::string> name = query_name(host);
  if (!name) {
    AddressAnswer bad;
    bad.status = Status::bad_name;
    co_return bad;
  }
  if (*name == "localhost")
    co_return known_addresses({ip::address_v6::loopback(), ip::address_v4::loopback()});
  const std::shared_ptr<Pending> asked_v6 = core->ask(*name, RecordType::aaaa);
  const std::shared_ptr<Pending> asked_v4 = core->ask(*name, RecordType::a);
  const Answer v6 = co_await finish(asked_v6);
  const Answer v4 = co_await finish(asked_v4);
  co_return join(v6, v4);
}

CaresResolver::CaresResolver(net::Executor executor, const Config& config)
    : core_(std::make_shared<Core>(executor, config)) {}

CaresResolver::~CaresResolver() {
  core_->channel->close();
}

net::Awaitable<MxAnswer> CaresResolver::mx(std::string domain) {
  return Core::mx(core_, std::move(domain));
}

net::Awaitable<AddressAnswer> CaresResolver::addresses(std::string host) {
  return Core::addresses(core_, std::move(host));
}

}  // namespace postern::dns
