// SPDX-License-Identifier: Apache-2.0
#include "dns/answer_cache.h"

#include <algorithm>

namespace postern::dns {
namespace {

/// Of a negative answer without SOA, which RFC 2308 section 5 would not have kept at all. Whoever
/// asks for it again asks for each message to a name that is not there.
constexpr std::chrono::seconds kNoSoaTtl{60};

/// What an answer takes in memory beside its entry, about.
std::size_t octets_of(const Answer& answer) {
  std::size_t octets = answer.canonical.size() + answer.addresses.size() * sizeof(IpAddress);
  for (const MxRecord& record : answer.mx)
    octets += sizeof record + record.exchange.size();
  for (const TlsaRecord& record : answer.tlsa)
    octets += sizeof record + record.data.size();
  for (const std::string& text : answer.texts)
    octets += sizeof text + text.size();
  return octets;
}

}  // namespace

AnswerCache::AnswerCache(const Config& config)
    : max_ttl_(config.max_ttl),
      negative_ttl_(config.negative_ttl),
      max_entries_(config.cache_entries) {}

const Answer* AnswerCache::find(const std::string& key, net::TimePoint now) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return nullptr;
  Entry& entry = at->second;
  if (entry.expires <= now) {
    erase(at);
    return nullptr;
  }
  entry.answer.ttl = std::chrono::ceil<std::chrono::seconds>(entry.expires - now);
  return &entry.answer;
}

void AnswerCache::store(const std::string& key, const Answer& answer, net::TimePoint now) {
  if (max_entries_ == 0 || is_transient(answer.status)) return;
  const bool negative = answer.status != Status::ok;
  const std::chrono::seconds ttl =
      negative ? std::min(answer.negative_ttl.value_or(kNoSoaTtl), negative_ttl_)
               : std::min(answer.ttl, max_ttl_);
  const auto old = entries_.find(key);
  if (old != entries_.end()) erase(old);
  if (ttl <= std::chrono::seconds(0)) return;
  const std::size_t octets = sizeof(Entry) + 2 * key.size() + octets_of(answer);
  while (!by_age_.empty() && (entries_.size() >= max_entries_ || octets_ + octets > kMaxOctets))
    erase(entries_.find(by_age_.front()));
  const auto age = by_age_.insert(by_age_.end(), key);
  entries_.emplace(key, Entry{answer, now + ttl, age, octets});
  octets_ += octets;
}

void AnswerCache::erase(std::unordered_map<std::string, Entry>::iterator at) {
  octets_ -= at->second.octets;
  by_age_.erase(at->second.age);
  entries_.erase(at);
}

}  // namespace postern::dns
