// SPDX-License-Identifier: Apache-2.0
#include "routing/mailbox_key.h"

namespace postern::routing {

LocalKey::LocalKey(std::string_view local, bool case_sensitive) {
  const bool quoted = local.size() >= 2 && local.front() == '"' && local.back() == '"';
  if (quoted) local = local.substr(1, local.size() - 2);
  for (std::size_t i = 0; i < local.size(); ++i) {
    char c = local[i];
    if (quoted && c == '\\' && i + 1 < local.size()) c = local[++i];
    if (!case_sensitive && c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (size_ == octets_.size()) {
      fits_ = false;
      return;
    }
    octets_[size_++] = c;
  }
}

std::string_view LocalKey::without_tag(std::string_view delimiters) const {
  const std::string_view whole = view();
  if (delimiters.empty()) return whole;
  const std::size_t at = whole.find_first_of(delimiters);
  if (at == std::string_view::npos || at == 0) return whole;
  return whole.substr(0, at);
}

bool same_mailbox(const smtp::Mailbox& a, const smtp::Mailbox& b, bool case_sensitive) {
  if (!smtp::iequals(a.domain(), b.domain())) return false;
  const LocalKey left(a.local(), case_sensitive);
  const LocalKey right(b.local(), case_sensitive);
  return left.fits() && right.fits() && left.view() == right.view();
}

}  // namespace postern::routing
