// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/answer.h"
#include "dns/config.h"

#include <list>
#include <string>
#include <unordered_map>

namespace postern::dns {

/// Answers by name and type until their TTL ends; when full, by count or by octets, those stored
/// first go. What is transient is not kept. One thread; the time is the caller's.
class AnswerCache {
 public:
  /// Of all answers with their keys, about.
  static constexpr std::size_t kMaxOctets = 16U << 20;

  explicit AnswerCache(const Config& config);

  /// The answer with what is left of its TTL, or null. Valid until the next call.
  const Answer* find(const std::string& key, net::TimePoint now);
  void store(const std::string& key, const Answer& answer, net::TimePoint now);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Answer answer;
    net::TimePoint expires;
    std::list<std::string>::iterator age;
    std::size_t octets;
  };

  void erase(std::unordered_map<std::string, Entry>::iterator at);

  std::chrono::seconds max_ttl_;
  std::chrono::seconds negative_ttl_;
  std::size_t max_entries_;
  std::size_t octets_ = 0;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> by_age_;  ///< keys, the oldest first
};

}  // namespace postern::dns
