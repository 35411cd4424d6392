// SPDX-License-Identifier: Apache-2.0
#include "routing/address_patterns.h"

#include "routing/mailbox_key.h"

#include <utility>

namespace postern::routing {
namespace {

bool is_domain(std::string_view text) {
  return !text.empty() && text.find_first_of("@* \t") == std::string_view::npos &&
         text.front() != '.' && text.back() != '.';
}

}  // namespace

AddressPatterns::AddressPatterns(const std::vector<std::string>& patterns,
                                 bool case_sensitive,
                                 std::string delimiter)
    : empty_(patterns.empty()), case_sensitive_(case_sensitive), delimiter_(std::move(delimiter)) {
  for (const std::string& pattern : patterns) {
    if (is_pattern(pattern)) add(pattern);
  }
}

bool AddressPatterns::is_pattern(std::string_view text) {
  if (text.empty() || text == "*") return true;
  if (text.starts_with("@*.")) return is_domain(text.substr(3));
  if (text.starts_with('@')) return is_domain(text.substr(1));
  return smtp::Mailbox::parse(text).has_value();
}

void AddressPatterns::add(std::string_view pattern) {
  if (pattern.empty()) {
    null_sender_ = true;
  } else if (pattern == "*") {
    everybody_ = true;
  } else if (pattern.starts_with("@*.")) {
    for (std::string& spelling : domain_spellings(pattern.substr(3)))
      below_.emplace(std::move(spelling), true);
  } else if (pattern.starts_with('@')) {
    for (std::string& spelling : domain_spellings(pattern.substr(1)))
      domains_.emplace(std::move(spelling), true);
  } else {
    const Result<smtp::Mailbox> mailbox = smtp::Mailbox::parse(pattern);
    const LocalKey key(mailbox->local(), case_sensitive_);
    for (const std::string& spelling : domain_spellings(mailbox->domain()))
      addresses_[spelling].emplace(key.view());
  }
}

bool AddressPatterns::match(const smtp::Mailbox& mailbox) const {
  if (everybody_) return true;
  std::string_view domain = mailbox.domain();
  if (domains_.find(domain) != nullptr) return true;
  if (const auto* const locals = addresses_.find(domain)) {
    const LocalKey key(mailbox.local(), case_sensitive_);
    if (key.fits() &&
        (locals->contains(key.view()) || locals->contains(key.without_tag(delimiter_)))) {
      return true;
    }
  }
  if (below_.empty() || domain.starts_with('[')) return false;
  for (std::size_t dot; (dot = domain.find('.')) != std::string_view::npos;) {
    domain.remove_prefix(dot + 1);
    if (below_.find(domain) != nullptr) return true;
  }
  return false;
}

bool AddressPatterns::match(const smtp::ReversePath& path) const {
  return path.is_null() ? null_sender_ || everybody_ : match(path.mailbox());
}

}  // namespace postern::routing
