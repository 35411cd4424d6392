// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_counters.h"

#include <functional>

namespace postern::gateway {
namespace {

constexpr std::chrono::minutes kTellAgain{1};

template <class Bytes>
Bytes cut(Bytes bytes, unsigned bits) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned before = static_cast<unsigned>(i) * 8;
    const unsigned kept = bits <= before ? 0 : std::min(bits - before, 8U);
    bytes[i] = static_cast<unsigned char>(bytes[i] & (0xff00U >> kept));
  }
  return bytes;
}

std::string key_for(ClientLimit limit, const IpAddress& client) {
  std::string key(1, static_cast<char>('a' + static_cast<int>(limit)));
  if (client.is_v4()) {
    const auto bytes = client.to_v4().to_bytes();
    key.append(bytes.begin(), bytes.end());
  } else {
    const auto bytes = client.to_v6().to_bytes();
    key.append(bytes.begin(), bytes.end());
  }
  return key;
}

}  // namespace

const char* limit_name(ClientLimit limit) {
  switch (limit) {
    case ClientLimit::sessions:
      return "sessions";
    case ClientLimit::connections:
      return "connections";
    case ClientLimit::messages:
      return "messages";
    case ClientLimit::recipients:
      return "recipients";
  }
  return "";
}

IpAddress prefix_of(const IpAddress& address, unsigned bits_v4, unsigned bits_v6) {
  using boost::asio::ip::address_v4;
  using boost::asio::ip::address_v6;
  if (address.is_v4()) return address_v4(cut(address.to_v4().to_bytes(), bits_v4));
  return address_v6(cut(address.to_v6().to_bytes(), bits_v6));
}

ClientCounters::Shard& ClientCounters::shard_of(const IpAddress& client) {
  return shards_[std::hash<IpAddress>()(client) % kShards];
}

bool ClientCounters::take(ClientLimit limit, const IpAddress& client, const auth::Rate& rate) {
  if (rate.count == 0) return true;
  const std::string key = key_for(limit, client);
  const auth::GuardClock::time_point now = now_();
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  if (shard.counter.count(key, rate.window, now) >= rate.count) return false;
  shard.counter.add(key, rate.window, now);
  return true;
}

ClientCounters::Telling ClientCounters::refused(ClientLimit limit, const IpAddress& client) {
  const std::string key = key_for(limit, client);
  const auth::GuardClock::time_point now = now_();
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const bool is_new = shard.told.find(key) == nullptr;
  Told& told = shard.told.touch(key);
  if (!is_new && now - told.at < kTellAgain) {
    ++told.held_back;
    return {};
  }
  const Telling telling{true, told.held_back};
  told = Told{now, 0};
  return telling;
}

}  // namespace postern::gateway
