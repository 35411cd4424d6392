// SPDX-License-Identifier: Apache-2.0
#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

namespace postern::tls {
namespace {

template <class Octets>
bool fill_random(Octets& octets) {
  return RAND_priv_bytes(octets.data(), static_cast<int>(octets.size())) == 1;
}

void forget(std::optional<TicketKeys::Key>& key) {
  if (key) OPENSSL_cleanse(&*key, sizeof(*key));
  key.reset();
}

}  // namespace

TicketKeys::~TicketKeys() {
  forget(current_);
  forget(previous_);
}

std::shared_ptr<TicketKeys> TicketKeys::of_process() {
  static const auto instance = std::make_shared<TicketKeys>();
  return instance;
}

/// Under the mutex. False: there is no current key, and none can be made.
bool TicketKeys::rotate() {
  const auto now = options_.now();
  const auto age = now - made_at_;
  if (current_ && age < options_.period) return true;
  forget(previous_);
  // One that was the current one for two periods has not been used for the second.
  if (current_ && age < 2 * options_.period) previous_ = current_;
  forget(current_);
  Key fresh;
  if (!fill_random(fresh.name) || !fill_random(fresh.cipher) || !fill_random(fresh.mac))
    return false;
  current_ = fresh;
  OPENSSL_cleanse(&fresh, sizeof(fresh));
  made_at_ = now;
  return true;
}

std::optional<TicketKeys::Key> TicketKeys::current() {
  const std::lock_guard lock(mutex_);
  if (!rotate()) return std::nullopt;
  return current_;
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const unsigned char, 16> name) {
  const std::lock_guard lock(mutex_);
  rotate();
  const auto is = [name](const std::optional<Key>& key) {
    return key && std::equal(name.begin(), name.end(), key->name.begin());
  };
  if (is(current_)) return Found{*current_, true};
  if (is(previous_)) return Found{*previous_, false};
  return std::nullopt;
}

}  // namespace postern::tls
