// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/message_id.h"

#include <algorithm>

namespace postern::spool {
namespace {

constexpr unsigned kCounterBits = 12;
constexpr std::size_t kDigits = 13;  // 5 bits each; the first has 4
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

}  // namespace

WallTime wall_now() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

MessageId MessageId::first_at(WallTime time) {
  const std::int64_t micros = std::max<std::int64_t>(time.time_since_epoch().count(), 0);
  return MessageId(static_cast<std::uint64_t>(micros) << kCounterBits);
}

WallTime MessageId::born() const {
  return WallTime(std::chrono::microseconds(static_cast<std::int64_t>(value_ >> kCounterBits)));
}

std::string MessageId::str() const {
  std::string text(kDigits, '0');
  std::uint64_t rest = value_;
  for (std::size_t i = kDigits; i-- > 0; rest >>= 5U)
    text[i] = kAlphabet[rest & 31U];
  return text;
}

std::optional<MessageId> MessageId::parse(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    const std::size_t digit = kAlphabet.find(small);
    if (digit == std::string_view::npos || value >> 59U != 0) return std::nullopt;
    value = value << 5U | digit;
  }
  return MessageId(value);
}

MessageId MessageIds::next(WallTime now) {
  const std::uint64_t wanted = MessageId::first_at(now).value();
  std::uint64_t last = last_.load(std::memory_order_relaxed);
  std::uint64_t mine = 0;
  do {
    mine = std::max(wanted, last + 1);
  } while (!last_.compare_exchange_weak(last, mine, std::memory_order_relaxed));
  return MessageId(mine);
}

void MessageIds::pass(MessageId taken) {
  std::uint64_t last = last_.load(std::memory_order_relaxed);
  while (last < taken.value() &&
         !last_.compare_exchange_weak(last, taken.value(), std::memory_order_relaxed)) {
  }
}

}  // namespace postern::spool
