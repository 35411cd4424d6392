// SPDX-License-Identifier: Apache-2.0
#include "directories/cached_directory.h"

#include "directories/answer_cache.h"
#include "directories/plain_address.h"
#include "routing/answer_waiter.h"

#include <boost/asio/this_coro.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace postern::directories {
namespace {

using routing::AnswerWaiter;
using routing::DirectoryAnswer;
using routing::Presence;

constexpr std::size_t kLongestEvidence = 300;  ///< octets; what a server says is not the log's size

/// Evidence goes into lines of the log and of explain.
std::string on_a_line(std::string text) {
  if (text.size() > kLongestEvidence) text.resize(kLongestEvidence);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string time_text(std::chrono::system_clock::time_point when) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

DirectoryAnswer answer_of(AnswerCache::Found found, std::string_view why_stale) {
  std::string evidence = std::move(found.evidence);
  evidence += fmt::format(", cached {} s", found.age.count());
  if (!why_stale.empty()) evidence += fmt::format(", stale: {}", why_stale);
  return {found.presence, std::move(evidence)};
}

}  // namespace

/// What the directory shares with questions under way. A question that comes back when the core is
/// gone finds nobody (weak).
class CachedDirectory::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const routing::Config& config, std::unique_ptr<Asker> asker, Options options)
      : domains(config.domains),
        rules(config.recipients),
        options_(std::move(options)),
        cache_(options_.cache, options_.now),
        breaker_(options_.breaker),
        asker_(std::move(asker)) {}

  const routing::DomainIndex domains;
  const routing::RecipientsConfig rules;

  /// What can be said about one plain address without asking.
  std::optional<DirectoryAnswer> now(std::string_view key) const;
  /// The same, or the answer of the server.
  net::Awaitable<DirectoryAnswer> ask(std::string key);
  std::size_t cached() const { return cache_.size(); }

 private:
  /// One question under way, and who waits for it.
  struct Flight {
    std::vector<std::shared_ptr<AnswerWaiter::Slot>> slots;
    std::chrono::steady_clock::time_point since;
    bool is_over = false;
  };

  bool join(const std::string& key,
            const std::shared_ptr<AnswerWaiter::Slot>& slot,
            net::Executor io);
  void land(const std::string& key, const std::shared_ptr<Flight>& flight, DirectoryAnswer answer);
  DirectoryAnswer time_is_up(const std::string& key,
                             const std::shared_ptr<AnswerWaiter::Slot>& slot);
  DirectoryAnswer unavailable(std::string_view key, std::string why) const;
  std::string resting() const;

  const Options options_;
  AnswerCache cache_;
  Breaker breaker_;
  const std::unique_ptr<Asker> asker_;
  std::mutex mutex_;  ///< of the flights
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
};

std::string CachedDirectory::Core::resting() const {
  const std::chrono::milliseconds pause = breaker_.pause();
  return fmt::format("{}: it did not answer lately, it is asked again in {} s",
                     options_.name,
                     (pause.count() + 999) / 1000);
}

DirectoryAnswer CachedDirectory::Core::unavailable(std::string_view key, std::string why) const {
  std::optional<AnswerCache::Found> stale = cache_.find(key);
  if (stale && options_.cache.stale_for.count() > 0) return answer_of(std::move(*stale), why);
  return {Presence::unavailable, std::move(why)};
}

std::optional<DirectoryAnswer> CachedDirectory::Core::now(std::string_view key) const {
  std::optional<AnswerCache::Found> found = cache_.find(key);
  if (found && found->is_fresh) return answer_of(std::move(*found), {});
  if (breaker_.is_open()) return unavailable(key, resting());
  return std::nullopt;
}

net::Awaitable<DirectoryAnswer> CachedDirectory::Core::ask(std::string key) {
  std::optional<DirectoryAnswer> at_once = now(key);
  if (at_once) co_return std::move(*at_once);
  const net::Executor io = co_await net::asio::this_coro::executor;
  AnswerWaiter waiter(io);
  if (!join(key, waiter.slot(), io)) co_return unavailable(key, resting());
  std::optional<DirectoryAnswer> answer = co_await waiter.wait(options_.limit);
  if (!answer) co_return time_is_up(key, waiter.slot());
  co_return std::move(*answer);
}

/// False: the breaker lets no question through.
bool CachedDirectory::Core::join(const std::string& key,
                                 const std::shared_ptr<AnswerWaiter::Slot>& slot,
                                 net::Executor io) {
  std::shared_ptr<Flight> flight;
  {
    const std::lock_guard lock(mutex_);
    const auto found = flights_.find(key);
    if (found != flights_.end()) {
      found->second->slots.push_back(slot);
      return true;
    }
    if (!breaker_.admit()) return false;
    flight = std::make_shared<Flight>();
    flight->slots.push_back(slot);
    flight->since = options_.now();
    flights_.emplace(key, flight);
  }
  asker_->ask(mailbox_of(key), io, [weak = weak_from_this(), key, flight](DirectoryAnswer answer) {
    if (const std::shared_ptr<Core> core = weak.lock()) core->land(key, flight, std::move(answer));
  });
  return true;
}

void CachedDirectory::Core::land(const std::string& key,
                                 const std::shared_ptr<Flight>& flight,
                                 DirectoryAnswer answer) {
  answer.evidence = on_a_line(std::move(answer.evidence));
  const bool told = answer.presence != Presence::unavailable;
  if (told) {
    answer.evidence += ", " + time_text(options_.wall());
    cache_.put(key, answer.presence, answer.evidence);
  }
  std::vector<std::shared_ptr<AnswerWaiter::Slot>> slots;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(flight->is_over, true)) {
      const auto found = flights_.find(key);
      if (found != flights_.end() && found->second == flight) flights_.erase(found);
      const bool slow = options_.now() - flight->since >= options_.limit / 2;
      if (!told) breaker_.failed(slow);
    }
    slots.swap(flight->slots);
  }
  if (told) breaker_.succeeded();
  if (!told) answer = unavailable(key, std::move(answer.evidence));
  for (const std::shared_ptr<AnswerWaiter::Slot>& slot : slots)
    give(slot, answer);
}

/// The question is given up for all: whoever comes next asks anew, and the late answer is only
/// kept.
DirectoryAnswer CachedDirectory::Core::time_is_up(const std::string& key,
                                                  const std::shared_ptr<AnswerWaiter::Slot>& slot) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = flights_.find(key);
    if (found != flights_.end()) {
      const std::shared_ptr<Flight> flight = found->second;
      const bool waited_long = options_.now() - flight->since >= options_.limit;
      std::erase(flight->slots, slot);
      if (waited_long && !std::exchange(flight->is_over, true)) {
        flights_.erase(found);
        breaker_.failed(true);
      }
    }
  }
  return unavailable(
      key, fmt::format("{}: no answer within {} ms", options_.name, options_.limit.count()));
}

CachedDirectory::CachedDirectory(const routing::Config& config,
                                 std::unique_ptr<Asker> asker,
                                 Options options)
    : core_(std::make_shared<Core>(config, std::move(asker), std::move(options))) {}

CachedDirectory::~CachedDirectory() = default;

std::optional<DirectoryAnswer> CachedDirectory::try_now(const smtp::Mailbox& mailbox) const {
  const PlainAddress address(mailbox, core_->domains, core_->rules);
  if (!address.is_ours()) return DirectoryAnswer{Presence::unknown, "not in a domain of ours"};
  std::optional<DirectoryAnswer> full = core_->now(address.full());
  if (!full || full->presence != Presence::unknown || !address.has_tag()) return full;
  return core_->now(address.untagged());
}

DirectoryAnswer CachedDirectory::look_up_now(const smtp::Mailbox& mailbox) const {
  std::optional<DirectoryAnswer> answer = try_now(mailbox);
  if (answer) return std::move(*answer);
  return {Presence::unavailable, "it would have to be asked"};
}

net::Awaitable<DirectoryAnswer> CachedDirectory::look_up(smtp::Mailbox mailbox) const {
  const std::shared_ptr<Core> core = core_;
  const PlainAddress address(mailbox, core->domains, core->rules);
  if (!address.is_ours()) co_return DirectoryAnswer{Presence::unknown, "not in a domain of ours"};
  DirectoryAnswer full = co_await core->ask(std::string(address.full()));
  if (full.presence != Presence::unknown || !address.has_tag()) co_return full;
  co_return co_await core->ask(std::string(address.untagged()));
}

std::size_t CachedDirectory::cached() const {
  return core_->cached();
}

}  // namespace postern::directories
