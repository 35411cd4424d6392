// SPDX-License-Identifier: Apache-2.0
#include "directories/plain_address.h"

#include "routing/mailbox_key.h"

#include <algorithm>
#include <span>
#include <string>

namespace postern::directories {
namespace {

constexpr std::string_view kAtomExtra = "!#$%&'*+-/=?^_`{|}~.";

std::size_t join(std::string_view local, std::string_view domain, std::span<char> out) {
  if (local.size() + 1 + domain.size() > out.size()) return 0;
  auto end = std::copy(local.begin(), local.end(), out.begin());
  *end++ = '@';
  std::copy(domain.begin(), domain.end(), end);
  return local.size() + 1 + domain.size();
}

bool is_dot_string(std::string_view local) {
  if (local.empty() || local.front() == '.' || local.back() == '.') return false;
  if (local.find("..") != std::string_view::npos) return false;
  return std::all_of(local.begin(), local.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool beyond_ascii = static_cast<signed char>(c) < 0;  // RFC 6531 3.3
    return letter || beyond_ascii || (c >= '0' && c <= '9') ||
           kAtomExtra.find(c) != std::string_view::npos;
  });
}

}  // namespace

PlainAddress::PlainAddress(const smtp::Mailbox& mailbox,
                           const routing::DomainIndex& domains,
                           const routing::RecipientsConfig& rules) {
  const routing::DomainIndex::Found* found = domains.find(mailbox.domain());
  if (found == nullptr) return;
  const routing::LocalKey key(mailbox.local(), rules.case_sensitive);
  if (!key.fits() || key.view().empty()) return;
  full_size_ = join(key.view(), found->domain->name, full_);
  const std::string_view untagged = key.without_tag(rules.delimiter);
  if (untagged != key.view()) untagged_size_ = join(untagged, found->domain->name, untagged_);
}

smtp::Mailbox mailbox_of(std::string_view key) {
  const std::size_t at = key.rfind('@');
  const std::string_view local = key.substr(0, at);
  const std::string_view domain = at == std::string_view::npos ? "" : key.substr(at + 1);
  if (is_dot_string(local)) return smtp::Mailbox(local, domain);
  std::string quoted = "\"";
  for (const char c : local) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return smtp::Mailbox(quoted + '"', domain);
}

}  // namespace postern::directories
