// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace postern::auth {

/// Values by key, so many and no more: what has been touched longest ago goes. One thread.
template <class Value>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t most) : most_(most) {}
  BoundedMap(BoundedMap&&) = delete;

  /// Null: it is not there. Does not touch.
  const Value* find(std::string_view key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second->second;
  }
  /// Touches; made where it is not there.
  Value& touch(const std::string& key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return found->second->second;
    }
    if (entries_.size() >= most_) {
      entries_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(key, Value());
    entries_.emplace(order_.front().first, order_.begin());
    return order_.front().second;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  using Order = std::list<std::pair<const std::string, Value>>;

  const std::size_t most_;
  Order order_;  ///< the one touched last is first
  std::unordered_map<std::string_view, typename Order::iterator> entries_;
};

}  // namespace postern::auth
