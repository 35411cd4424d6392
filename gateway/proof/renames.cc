// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/renames.h"

#include "gateway/proof/shapes.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_set>
#include <utility>

namespace postern::gateway::proof {
namespace {

using routing::RewriteMap;
using smtp::Mailbox;

/// Letters to each are followed for every class of recipients of its new domain.
constexpr std::size_t kMostExamples = 32;

std::string_view domain_part(std::string_view text) {
  return text.substr(text.rfind('@') + 1);
}

/// Two domains, or addresses of them, in either case.
bool are_same_class(std::string_view a, std::string_view b) {
  return a.starts_with('@') == b.starts_with('@') && smtp::iequals(domain_part(a), domain_part(b));
}

/// Somebody whom the left side of a rule means.
std::optional<Mailbox> one_whom(std::string_view from) {
  if (from.starts_with('@')) return Mailbox(kLocalPart, from.substr(1));
  const Result<Mailbox> mailbox = Mailbox::parse(from);
  return mailbox ? std::optional(*mailbox) : std::nullopt;
}

}  // namespace

Renames::Renames(const routing::Config& given, const routing::WayFiles* files)
    : given_(given),
      files_(files),
      rules_{nullptr, given.recipients.case_sensitive, given.recipients.delimiter},
      own_(rules_) {
  for (std::size_t i = 0; i < given.rewrites.size(); ++i) {
    const routing::RewriteRule& rule = given.rewrites[i];
    if (rule.map.empty()) {
      own_.add(rule.from, rule.to);
    } else if (is_read(rule)) {
      const routing::WatchedMap* file = files->map(rule.map);
      read_.push_back({i, std::string(file->short_name()), file->table()});
    }
  }
}

bool Renames::is_read(const routing::RewriteRule& rule) const {
  const routing::WatchedMap* file = files_ != nullptr ? files_->map(rule.map) : nullptr;
  return file != nullptr && file->table() != nullptr;
}

std::string Renames::path_of_own(const Mailbox& address, const Mailbox& to) const {
  for (std::size_t i = 0; i < given_.rewrites.size(); ++i) {
    const routing::RewriteRule& rule = given_.rewrites[i];
    RewriteMap alone(rules_);
    if (!rule.map.empty() || !alone.add(rule.from, rule.to)) continue;
    const std::optional<RewriteMap::Found> found = alone.find(address);
    if (found && found->to.text() == to.text()) return fmt::format("rewrite[{}].to", i);
  }
  return "rewrite";
}

std::optional<Renamed> Renames::find(const Mailbox& address) const {
  if (std::optional<RewriteMap::Found> found = own_.find(address)) {
    std::string path = path_of_own(address, found->to);
    return Renamed{address, std::move(found->to), "a rule of the config", std::move(path)};
  }
  for (const File& file : read_) {
    std::optional<RewriteMap::Found> found = file.map->find(address);
    if (!found) continue;
    return Renamed{address,
                   std::move(found->to),
                   fmt::format("{}, line {}", file.name, found->line),
                   fmt::format("rewrite[{}].map", file.rule)};
  }
  return std::nullopt;
}

std::vector<Renamed> Renames::examples() const {
  std::vector<Renamed> out;
  std::unordered_set<std::string> classes;
  const auto add_all = [&](const RewriteMap& map) {
    std::string_view before_from;
    std::string_view before_to;
    for (const auto& [from, to] : map.rules()) {
      if (out.size() == kMostExamples) return;
      // A map of a million lines has few classes, and most lines are of the one before.
      const bool is_same = are_same_class(before_from, from) && are_same_class(before_to, to);
      before_from = from;
      before_to = to;
      if (is_same) continue;
      const bool by_domain = from.starts_with('@');
      std::string kind = fmt::format("{}{} {}", by_domain, domain_part(from), domain_part(to));
      if (!classes.insert(smtp::ascii_lower(kind)).second) continue;
      const std::optional<Mailbox> whom = one_whom(from);
      std::optional<Renamed> renamed = whom ? find(*whom) : std::nullopt;
      if (!renamed) continue;
      renamed->by_domain = by_domain;
      out.push_back(std::move(*renamed));
    }
  };
  add_all(own_);
  for (const File& file : read_)
    add_all(*file.map);
  return out;
}

}  // namespace postern::gateway::proof
