// SPDX-License-Identifier: Apache-2.0
#include "routing/mailbox_key.h"

#include <algorithm>
#include <functional>

namespace postern::routing {

LocalKey::LocalKey(std::string_view local, bool case_sensitive) {
  const bool quoted = local.size() >= 2 && local.front() == '"' && local.back() == '"';
  if (quoted) local = local.substr(1, local.size() - 2);
  if (quoted && local.find('\\') != std::string_view::npos) {
    unescape(local);
  } else {
    fits_ = local.size() <= octets_.size();
    size_ = std::min(local.size(), octets_.size());
    std::copy_n(local.data(), size_, octets_.data());
  }
  if (case_sensitive) return;
  for (std::size_t i = 0; i < size_; ++i) {
    const char c = octets_[i];
    octets_[i] = static_cast<char>(c | (c >= 'A' && c <= 'Z' ? 0x20 : 0));
  }
}

void LocalKey::unescape(std::string_view local) {
  for (std::size_t i = 0; i < local.size(); ++i) {
    char c = local[i];
    if (c == '\\' && i + 1 < local.size()) c = local[++i];
    if (size_ == octets_.size()) {
      fits_ = false;
      return;
    }
    octets_[size_++] = c;
  }
}

std::string_view LocalKey::without_tag(std::string_view delimiters) const {
  const std::string_view whole = view();
  std::size_t at = whole.size();
  // One at a time: find_first_of would ask about each octet of the key.
  for (const char delimiter : delimiters)
    at = std::min(at, whole.substr(0, at).find(delimiter));
  return at == 0 ? whole : whole.substr(0, at);
}

std::uint64_t HashedKey::hash_of(std::string_view key) {
  return std::hash<std::string_view>()(key);
}

RecipientKey::RecipientKey(std::string_view local,
                           std::uint16_t domain,
                           bool case_sensitive,
                           std::string_view delimiters)
    : local_(local, case_sensitive),
      untagged_(local_.without_tag(delimiters).size()),
      hash_(HashedKey::hash_of(local_.view())),
      untagged_hash_(has_tag() ? HashedKey::hash_of(local_.view().substr(0, untagged_)) : hash_),
      domain_(domain) {}

bool same_mailbox(const smtp::Mailbox& a, const smtp::Mailbox& b, bool case_sensitive) {
  if (!smtp::iequals(a.domain(), b.domain())) return false;
  const LocalKey left(a.local(), case_sensitive);
  const LocalKey right(b.local(), case_sensitive);
  return left.fits() && right.fits() && left.view() == right.view();
}

}  // namespace postern::routing
