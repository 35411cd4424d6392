// SPDX-License-Identifier: Apache-2.0
#include "routing/rewrite_map.h"

#include "routing/mailbox_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace postern::routing {
namespace {

/// A longer one is no slip of the pen, and following it from each rule would take for ever.
constexpr std::size_t kLongestCycle = 1000;
/// Local part and domain of the longest mailbox (RFC 5321 4.5.3.1), and more.
constexpr std::size_t kLongestKey = 640;

bool is_domain_rule(std::string_view text) {
  return text.size() > 1 && text.front() == '@' &&
         text.find_first_of("@* \t", 1) == std::string_view::npos;
}

std::string key_of(std::string_view local, std::string_view domain) {
  return fmt::format("{}@{}", local, smtp::ascii_lower(domain));
}

std::uint32_t folded_hash(const HashedKey& local) {
  return static_cast<std::uint32_t>(local.hash ^ (local.hash >> 32U));
}

/// The local key of a key: a domain has no `@`.
HashedKey local_of(std::string_view key) {
  return HashedKey(key.substr(0, key.rfind('@')));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

bool RewriteMap::add(std::string_view from, std::string_view to) {
  if (is_domain_rule(from) && is_domain_rule(to)) {
    for (std::string& spelling : domain_spellings(from.substr(1)))
      domains_.emplace(std::move(spelling), To{{}, std::string(to.substr(1)), lines_});
  } else {
    const Result<smtp::Mailbox> old = smtp::Mailbox::parse(from);
    const Result<smtp::Mailbox> fresh = smtp::Mailbox::parse(to);
    if (!old || !fresh || !old->has_domain() || !fresh->has_domain()) return false;
    const LocalKey key(old->local(), rules_.case_sensitive);
    const To target{std::string(fresh->local()), std::string(fresh->domain()), lines_};
    for (const std::string& spelling : domain_spellings(old->domain()))
      add_address(key_of(key.view(), spelling), target);
  }
  rules_in_order_.emplace_back(from, to);
  return true;
}

void RewriteMap::add_address(std::string key, const To& target) {
  if (addresses_.size() >= filter_room_) {
    filter_room_ = std::max<std::size_t>(64, filter_room_ * 2);
    filter_.reset(filter_room_);
    for (const auto& [known, to] : addresses_)
      filter_.add(folded_hash(local_of(known)));
  }
  filter_.add(folded_hash(local_of(key)));
  addresses_.emplace(std::move(key), target);
}

void RewriteMap::add_line(std::string_view line) {
  ++lines_;
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return;
  const std::size_t gap = line.find_first_of(" \t");
  const bool two = gap != std::string_view::npos;
  if (two && add(line.substr(0, gap), trimmed(line.substr(gap)))) return;
  if (++ignored_ == 1) {
    first_ignored_ = fmt::format(
        "line {}: not two addresses or two domains, as in \"old@a.ru new@b.ru\"", lines_);
  }
}

/// On the stack: most addresses have no rule, and each recipient is asked about.
const RewriteMap::To* RewriteMap::find_key(const HashedKey& local, std::string_view domain) const {
  if (!filter_.may_have(folded_hash(local))) return nullptr;
  std::array<char, kLongestKey> octets;
  if (local.text.size() + 1 + domain.size() > octets.size()) return nullptr;
  char* end = std::copy(local.text.begin(), local.text.end(), octets.begin());
  *end++ = '@';
  for (const char c : domain)
    *end++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const std::string_view key(octets.data(), static_cast<std::size_t>(end - octets.data()));
  const auto it = addresses_.find(key);
  return it == addresses_.end() ? nullptr : &it->second;
}

std::optional<RewriteMap::Found> RewriteMap::find_address(const smtp::Mailbox& mailbox,
                                                          const RecipientKey& key) const {
  if (addresses_.empty() || !key.fits()) return std::nullopt;
  if (const To* whole = find_key(key.whole(), mailbox.domain())) {
    return Found{smtp::Mailbox(whole->local, whole->domain), whole->line};
  }
  if (!key.has_tag()) return std::nullopt;
  const HashedKey without = key.without_tag();
  const To* to = find_key(without, mailbox.domain());
  if (to == nullptr) return std::nullopt;
  // A quoted local part is not cut: where its tag begins is not where the key's does.
  const bool quoted = mailbox.local().starts_with('"') || to->local.ends_with('"');
  const std::string tag =
      quoted ? std::string() : std::string(mailbox.local().substr(without.text.size()));
  return Found{smtp::Mailbox(to->local + tag, to->domain), to->line};
}

std::optional<RewriteMap::Found> RewriteMap::find(const smtp::Mailbox& mailbox) const {
  const RecipientKey key(
      mailbox.local(), RecipientKey::kNoDomain, rules_.case_sensitive, rules_.delimiter);
  return find(mailbox, key);
}

std::optional<RewriteMap::Found> RewriteMap::find(const smtp::Mailbox& mailbox,
                                                  const RecipientKey& key) const {
  if (!mailbox.has_domain()) return std::nullopt;
  std::optional<Found> exact = find_address(mailbox, key);
  if (exact) return exact;
  const To* const to = domains_.find(mailbox.domain());
  if (to == nullptr) return std::nullopt;
  return Found{smtp::Mailbox(mailbox.local(), to->domain), to->line};
}

std::vector<std::string> RewriteMap::cycle() const {
  for (const auto& [from, to] : rules_in_order_) {
    // A domain's rule is followed with a local part that no rule names.
    const bool whole = from.front() == '@';
    const std::string start = whole ? "postern-probe" + from : from;
    // What is no address in full (a control character in a domain) matches no recipient either.
    const Result<smtp::Mailbox> first = smtp::Mailbox::parse(start);
    if (!first) continue;
    smtp::Mailbox now = *first;
    std::vector<std::string> path{smtp::ascii_lower(now.text())};
    while (path.size() <= std::min(rules_in_order_.size() + 1, kLongestCycle)) {
      const std::optional<Found> next = find(now);
      if (!next) break;
      now = next->to;
      path.push_back(smtp::ascii_lower(now.text()));
      if (path.back() != path.front()) continue;
      for (std::string& step : path) {
        if (whole) step = step.substr(step.rfind('@'));
      }
      return path;
    }
  }
  return {};
}

}  // namespace postern::routing
