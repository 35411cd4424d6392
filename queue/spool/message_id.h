// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::spool {

/// Wall-clock time as the spool keeps it.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

WallTime wall_now();

/// The name of a stored message: 64 bits, ordered by the time of its birth (52 bits of microseconds
/// since 1970, 12 bits to tell apart what the same microsecond brought). A value.
class MessageId {
 public:
  constexpr MessageId() = default;
  explicit constexpr MessageId(std::uint64_t value) : value_(value) {}

  /// What str() gives, in either case; nullopt: anything else.
  static std::optional<MessageId> parse(std::string_view text);
  static MessageId first_at(WallTime time);

  std::uint64_t value() const { return value_; }
  WallTime born() const;
  /// 13 letters and digits (Crockford's base 32), ordered as the ids are.
  std::string str() const;

  friend auto operator<=>(const MessageId&, const MessageId&) = default;

 private:
  std::uint64_t value_ = 0;
};

/// Gives each id once, ascending also when the clock goes back. Any thread.
class MessageIds {
 public:
  MessageId next(WallTime now = wall_now());
  /// Ids up to this one are taken.
  void pass(MessageId taken);
  MessageId last() const { return MessageId(last_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::uint64_t> last_{0};
};

}  // namespace postern::spool
