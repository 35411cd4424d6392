// SPDX-License-Identifier: Apache-2.0
// What a message takes of the heap besides the octets of its body: each string and list of the
// envelope with the block that it is in.
#include "base/process_memory.h"
#include "queue/spool/message.h"

#include <string>
#include <vector>

namespace postern::spool {
namespace {

// std::make_shared() puts its counts in front of the object.
constexpr std::uint64_t kCounts = 16;
// A message is in the spool's table of those in memory, and where it waits in its engine's: each
// has a node (its link, the id, a handle) and a bucket.
constexpr std::uint64_t kPlaces = 2 * (heap_block(32) + 8);

std::uint64_t heap_of_text(std::size_t capacity) {
  // What is short is in the string itself.
  static const std::size_t kInside = std::string().capacity();
  return capacity <= kInside ? 0 : heap_block(capacity + 1);
}

std::uint64_t heap_of(const std::string& text) {
  return heap_of_text(text.capacity());
}

template <class T>
std::uint64_t places_of(const std::vector<T>& list) {
  return list.capacity() == 0 ? 0 : heap_block(list.capacity() * sizeof(T));
}

template <class T>
std::uint64_t heap_of(const std::vector<T>& list);

std::uint64_t heap_of(const PastTry& past) {
  return heap_of(past.host) + heap_of(past.said);
}

std::uint64_t heap_of(const Recipient& r) {
  return heap_of(r.address.address.text()) + heap_of(r.address.parameters.orcpt) +
         heap_of(r.copy_of.text()) + heap_of(r.lane) + heap_of(r.last_host) +
         heap_of_text(r.last_reply.text().size()) + heap_of(r.past);
}

/// Beyond the octets that count as the body's.
std::uint64_t heap_of(const Chunk& chunk) {
  const std::uint64_t text = heap_of(*chunk);
  return heap_block(kCounts + sizeof(std::string)) + text - (text == 0 ? 0 : chunk->size());
}

template <class T>
std::uint64_t heap_of(const std::vector<T>& list) {
  std::uint64_t octets = places_of(list);
  for (const T& one : list)
    octets += heap_of(one);
  return octets;
}

std::uint64_t heap_of(const Envelope& e) {
  const smtp::MailParameters& mail = e.sender.parameters;
  return heap_of(e.sender.path.text()) + heap_of(mail.envid) + heap_of(mail.auth) +
         heap_of(e.recipients) + heap_of(e.origin.helo) + heap_of(e.origin.listener) +
         heap_of(e.origin.listener_from) + heap_of(e.origin.identity) +
         heap_of(e.loop.trace_fields) + heap_of(e.loop.by_id) + heap_of(e.loop.by_date);
}

}  // namespace

std::uint64_t Message::footprint() const {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t leases = heap_block(leased_.capacity() / 8);
  return heap_block(kCounts + sizeof(Message)) + kPlaces + heap_of(record_.envelope) +
         (leased_.empty() ? 0 : leases) + heap_of(chunks_) + places_of(waiters_);
}

}  // namespace postern::spool
