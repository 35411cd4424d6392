// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_resolver.h"

#include "base/metrics.h"
#include "dns/answer.h"
#include "dns/answer_cache.h"
#include "dns/cares_channel.h"
#include "dns/name.h"

#include <optional>
#include <stdexcept>
#include <string_view>
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

/// Where an address has its PTR record (RFC 1035 section 3.5, RFC 3596 section 2.5).
std::string reverse_name(const IpAddress& address) {
  std::string name;
  if (address.is_v4()) {
    for (const unsigned char octet : address.to_v4().to_bytes())
      name.insert(0, std::to_string(octet) + '.');
    return name + "in-addr.arpa";
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const unsigned char octet : address.to_v6().to_bytes()) {
    const char nibbles[] = {kDigits[octet & 0x0fU], '.', kDigits[octet >> 4U], '.'};
    name.insert(0, nibbles, sizeof nibbles);
  }
  return name + "ip6.arpa";
}

std::string cache_key(const std::string& name, RecordType type) {
  return std::to_string(static_cast<int>(type)) + ' ' + name;
}

std::string_view type_name(RecordType type) {
  switch (type) {
    case RecordType::a:
      return "A";
    case RecordType::cname:
      return "CNAME";
    case RecordType::ptr:
      return "PTR";
    case RecordType::mx:
      return "MX";
    case RecordType::txt:
      return "TXT";
    case RecordType::aaaa:
      return "AAAA";
    case RecordType::tlsa:
      return "TLSA";
  }
  return "other";
}

std::string_view outcome_name(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::no_data:
      return "nodata";
    case Status::nx_domain:
      return "nxdomain";
    case Status::bad_name:
      return "bad_name";
    case Status::server_failure:
      return "servfail";
    case Status::timed_out:
      return "timeout";
  }
  return "other";
}

AddressAnswer known_addresses(std::string host, std::vector<IpAddress> addresses) {
  AddressAnswer answer;
  answer.addresses = std::move(addresses);
  answer.canonical = std::move(host);
  answer.ttl = std::chrono::hours(24);
  return answer;
}

}  // namespace

/// Shared with the coroutines that wait, which may outlive the resolver.
struct CaresResolver::Core : std::enable_shared_from_this<CaresResolver::Core> {
  Core(net::Executor e, const Config& config)
      : executor(e), channel(CaresChannel::make(e, config)), cache(config) {}

  std::shared_ptr<Pending> ask(const std::string& name, RecordType type);
  Answer read(RecordType type, int status, std::span<const unsigned char> message) const;
  void settle(const std::string& key, Pending& pending, Answer answer);

  static net::Awaitable<Answer> finish(std::shared_ptr<Pending> pending);
  /// `domain` may be any text: bad_name then.
  static net::Awaitable<Answer> look_up(std::shared_ptr<Core> core,
                                        std::string domain,
                                        RecordType type);
  static net::Awaitable<MxAnswer> mx(std::shared_ptr<Core> core, std::string domain);
  static net::Awaitable<AddressAnswer> addresses(std::shared_ptr<Core> core, std::string host);
  static net::Awaitable<AddressAnswer> ask_addresses(std::shared_ptr<Core> core, std::string name);
  static net::Awaitable<TlsaAnswer> tlsa(std::shared_ptr<Core> core, std::string name);
  static net::Awaitable<TextAnswer> txt(std::shared_ptr<Core> core, std::string name);
  static net::Awaitable<NameAnswer> names(std::shared_ptr<Core> core, std::string name);

  net::Executor executor;
  std::shared_ptr<CaresChannel> channel;
  AnswerCache cache;
  /// One for each name and type; bounded by the sessions, of which each waits for a few at most.
  std::unordered_map<std::string, std::shared_ptr<Pending>> under_way;

  metrics::Counter& hits = metrics::counter("postern_dns_cache_total", {"hit"});
  metrics::Counter& misses = metrics::counter("postern_dns_cache_total", {"miss"});
  metrics::Counter& shared = metrics::counter("postern_dns_cache_total", {"shared"});
};

std::shared_ptr<Pending> CaresResolver::Core::ask(const std::string& name, RecordType type) {
  const std::string key = cache_key(name, type);
  if (const auto same = under_way.find(key); same != under_way.end()) {
    shared.add();
    return same->second;
  }
  auto pending = std::make_shared<Pending>(executor);
  if (const Answer* const known = cache.find(key, net::Clock::now())) {
    pending->answer = *known;
    hits.add();
    return pending;
  }
  misses.add();
  under_way.emplace(key, pending);
  channel->query(name,
                 type,
                 [weak = weak_from_this(), key, pending, type](
                     int status, std::span<const unsigned char> message) {
                   const auto core = weak.lock();
                   if (!core) return;
                   Answer answer = core->read(type, status, message);
                   metrics::counter("postern_dns_answers_total",
                                    {type_name(type), outcome_name(answer.status)})
                       .add();
                   core->settle(key, *pending, std::move(answer));
                 });
  return pending;
}

Answer CaresResolver::Core::read(RecordType type,
                                 int status,
                                 std::span<const unsigned char> message) const {
  Answer answer = read_answer(type, status, message);
  if (!channel->believes_ad()) answer.secure = false;
  return answer;
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

net::Awaitable<Answer> CaresResolver::Core::look_up(std::shared_ptr<Core> core,
                                                    std::string domain,
                                                    RecordType type) {
  const std::optional<std::string> name = query_name(domain);
  if (!name) {
    Answer bad;
    bad.status = Status::bad_name;
    co_return bad;
  }
  const std::shared_ptr<Pending> pending = core->ask(*name, type);
  Answer answer = co_await finish(pending);
  co_return answer;
}

net::Awaitable<MxAnswer> CaresResolver::Core::mx(std::shared_ptr<Core> core, std::string domain) {
  Answer answer = co_await look_up(std::move(core), std::move(domain), RecordType::mx);
  MxAnswer result;
  result.status = answer.status;
  result.secure = answer.secure;
  result.records = std::move(answer.mx);
  result.ttl = answer.ttl;
  co_return result;
}

net::Awaitable<TlsaAnswer> CaresResolver::Core::tlsa(std::shared_ptr<Core> core, std::string name) {
  Answer answer = co_await look_up(std::move(core), std::move(name), RecordType::tlsa);
  TlsaAnswer result;
  result.status = answer.status;
  result.secure = answer.secure;
  result.records = std::move(answer.tlsa);
  result.ttl = answer.ttl;
  co_return result;
}

net::Awaitable<TextAnswer> CaresResolver::Core::txt(std::shared_ptr<Core> core, std::string name) {
  Answer answer = co_await look_up(std::move(core), std::move(name), RecordType::txt);
  TextAnswer result;
  result.status = answer.status;
  result.secure = answer.secure;
  result.texts = std::move(answer.texts);
  result.ttl = answer.ttl;
  co_return result;
}

net::Awaitable<NameAnswer> CaresResolver::Core::names(std::shared_ptr<Core> core,
                                                      std::string name) {
  Answer answer = co_await look_up(std::move(core), std::move(name), RecordType::ptr);
  NameAnswer result;
  result.status = answer.status;
  result.names = std::move(answer.texts);
  result.ttl = answer.ttl;
  co_return result;
}

net::Awaitable<AddressAnswer> CaresResolver::Core::addresses(std::shared_ptr<Core> core,
                                                             std::string host) {
  namespace ip = net::asio::ip;
  if (const auto literal = parse_ip(host)) co_return known_addresses(host, {*literal});
  const std::optional<std::string> name = query_name(host);
  if (!name) {
    AddressAnswer bad;
    bad.status = Status::bad_name;
    co_return bad;
  }
  if (*name == "localhost")
    co_return known_addresses(*name, {ip::address_v6::loopback(), ip::address_v4::loopback()});
  AddressAnswer answer = co_await ask_addresses(std::move(core), *name);
  co_return answer;
}

net::Awaitable<AddressAnswer> CaresResolver::Core::ask_addresses(std::shared_ptr<Core> core,
                                                                 std::string name) {
  const std::shared_ptr<Pending> asked_v6 = core->ask(name, RecordType::aaaa);
  const std::shared_ptr<Pending> asked_v4 = core->ask(name, RecordType::a);
  const Answer v6 = co_await finish(asked_v6);
  const Answer v4 = co_await finish(asked_v4);
  AddressAnswer both = join(v6, v4);
  const bool is_alias = both.status == Status::ok && both.canonical != name;
  if (is_alias && !both.secure && core->channel->believes_ad()) {
    const Answer alias = co_await look_up(core, name, RecordType::cname);
    // An answer that somebody keeps back must not make the host one without TLSA records: these
    // are asked for all the same, and when they cannot be had either the host is not used.
    both.secure_alias = is_transient(alias.status) || (alias.status == Status::ok && alias.secure);
  }
  co_return both;
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

net::Awaitable<TlsaAnswer> CaresResolver::tlsa(std::string host, std::uint16_t port) {
  return Core::tlsa(core_, "_" + std::to_string(port) + "._tcp." + host);
}

net::Awaitable<TextAnswer> CaresResolver::txt(std::string name) {
  return Core::txt(core_, std::move(name));
}

net::Awaitable<NameAnswer> CaresResolver::names(IpAddress address) {
  return Core::names(core_, reverse_name(plain_ip(address)));
}

bool CaresResolver::believes_ad() const {
  return core_->channel->believes_ad();
}

bool believes_ad(const Config& config) {
  try {
    net::IoContext context(1);
    return CaresResolver(context.get_executor(), config).believes_ad();
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace postern::dns
