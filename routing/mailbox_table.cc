// SPDX-License-Identifier: Apache-2.0
#include "routing/mailbox_table.h"

#include "routing/mailbox_key.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <limits>

namespace postern::routing {
namespace {

constexpr std::size_t kHead = 8;
constexpr std::size_t kUsualRecord = 31;  ///< octets, less one; it may begin at a line's end
/// A larger filter would not stay in the cache either, and lists of that size know most who are
/// asked about.
constexpr std::size_t kFilteredSlots = std::size_t{1} << 19;
constexpr std::size_t kArenaLimit = std::numeric_limits<std::uint32_t>::max() - 4096;

struct Head {
  std::uint32_t line = 0;
  std::uint16_t domain = 0;
  std::uint16_t size = 0;
};
static_assert(sizeof(Head) == kHead);

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

/// Where the local part ends: at the last `@` behind any quotes; npos: a local part alone.
std::size_t local_end(std::string_view address) {
  const std::size_t at = address.rfind('@');
  const std::size_t quote = address.rfind('"');
  if (at == std::string_view::npos) return at;
  const bool inside_quotes = quote != std::string_view::npos && quote > at;
  return inside_quotes ? std::string_view::npos : at;
}

std::uint32_t hash_of(std::uint16_t domain, const HashedKey& key) {
  return static_cast<std::uint32_t>(((key.hash ^ domain) * 0x9e3779b97f4a7c15ULL) >> 32);
}

}  // namespace

void MailboxTable::add_line(std::string_view line) {
  ++lines_;
  if (lines_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // Notepad's mark
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return;
  const std::size_t at = local_end(line);
  const std::string_view local = line.substr(0, at);
  if (local.empty()) return ignore("no local part");
  if (local.front() != '"' && local.find_first_of(" \t,;<>") != std::string_view::npos) {
    return ignore("not one address or local part");
  }
  std::uint16_t domain = kAnyDomain;
  if (at != std::string_view::npos) {
    std::string_view name = line.substr(at + 1);
    if (name.ends_with('.')) name.remove_suffix(1);
    const DomainIndex::Found* found = rules_.domains->find(name);
    if (found == nullptr) return ignore("not a domain that this list is about");
    domain = found->number;
  }
  const LocalKey key(local, rules_.case_sensitive);
  if (!key.fits() || key.view().empty()) return ignore("not a local part");
  add(domain, key.view());
}

void MailboxTable::ignore(std::string_view reason) {
  if (ignored_++ == 0) first_ignored_ = fmt::format("line {}: {}", lines_, reason);
}

void MailboxTable::add(std::uint16_t domain, std::string_view key) {
  if (arena_.size() > kArenaLimit) return ignore("the list is over 4 GB");
  if (slots_.size() < (entries_ + 1) * 2) grow();
  const std::uint32_t hash = hash_of(domain, HashedKey(key));
  Slot& slot = slots_[place(hash, domain, key)];
  if (slot.record != 0) return;  // a line that was there before
  slot = Slot{hash, static_cast<std::uint32_t>(arena_.size() + 1)};
  const Head head{lines_, domain, static_cast<std::uint16_t>(key.size())};
  char octets[kHead];
  std::memcpy(octets, &head, kHead);
  arena_.append(octets, kHead);
  arena_.append(key);
  filter_.add(hash);
  ++entries_;
  if (domain == kAnyDomain) has_any_domain_ = true;
}

/// The slot of this key, or the free one where it belongs.
std::size_t MailboxTable::place(std::uint32_t hash,
                                std::uint16_t domain,
                                std::string_view key) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.record == 0) return i;
    if (slot.hash != hash) continue;
    Head head;
    std::memcpy(&head, arena_.data() + slot.record - 1, kHead);
    if (head.domain != domain || head.size != key.size()) continue;
    const std::string_view there(arena_.data() + slot.record - 1 + kHead, head.size);
    if (there == key) return i;
  }
}

void MailboxTable::grow() {
  const auto old = std::move(slots_);
  slots_.assign(old.empty() ? 64 : old.size() * 2, Slot());
  filter_.reset(slots_.size() <= kFilteredSlots ? slots_.size() / 2 : 0);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.record == 0) continue;
    filter_.add(slot.hash);
    std::size_t i = slot.hash & mask;
    while (slots_[i].record != 0)
      i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

std::size_t MailboxTable::find_key(std::uint16_t domain, const HashedKey& key) const {
  // Each probe of a large table is a cache miss: none for entries that are not there.
  for (const std::uint16_t scope : {domain, kAnyDomain}) {
    if (scope == kAnyDomain && !has_any_domain_) break;
    const std::uint32_t hash = hash_of(scope, key);
    if (!filter_.may_have(hash)) continue;
    const Slot& slot = slots_[place(hash, scope, key.text)];
    if (slot.record == 0) continue;
    Head head;
    std::memcpy(&head, arena_.data() + slot.record - 1, kHead);
    return head.line;
  }
  return 0;
}

void MailboxTable::each(const std::function<void(const Entry&)>& take) const {
  for (std::size_t at = 0; at < arena_.size();) {
    Head head;
    std::memcpy(&head, arena_.data() + at, kHead);
    Entry entry;
    entry.line = head.line;
    if (head.domain != kAnyDomain) entry.domain = head.domain;
    entry.local = std::string_view(arena_.data() + at + kHead, head.size);
    take(entry);
    at += kHead + head.size;
  }
}

std::size_t MailboxTable::find(const smtp::Mailbox& mailbox) const {
  if (entries_ == 0) return 0;
  const DomainIndex::Found* found = rules_.domains->find(mailbox.domain());
  if (found == nullptr) return 0;
  const RecipientKey key(mailbox.local(), found->number, rules_.case_sensitive, rules_.delimiter);
  return find(key, found->number);
}

std::size_t MailboxTable::find(const RecipientKey& key, std::uint16_t domain) const {
  if (entries_ == 0 || !key.fits() || domain == RecipientKey::kNoDomain) return 0;
  const std::size_t line = find_key(domain, key.whole());
  return line != 0 || !key.has_tag() ? line : find_key(domain, key.without_tag());
}

void MailboxTable::prefetch_place(const RecipientKey& key) const {
  if (slots_.size() <= kFilteredSlots) return;
  __builtin_prefetch(&slots_[hash_of(key.domain(), key.whole()) & (slots_.size() - 1)]);
}

void MailboxTable::prefetch_record(const RecipientKey& key) const {
  if (slots_.size() <= kFilteredSlots) return;
  const std::uint32_t hash = hash_of(key.domain(), key.whole());
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask; slots_[i].record != 0; i = (i + 1) & mask) {
    if (slots_[i].hash != hash) continue;
    const char* const record = arena_.data() + slots_[i].record - 1;
    __builtin_prefetch(record);
    __builtin_prefetch(record + kUsualRecord);
    return;
  }
}

}  // namespace postern::routing
