// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"
#include "routing/domain_index.h"

#include <fmt/format.h>

#include <optional>
#include <string>

namespace postern::gateway {
namespace {

using routing::RewriteMap;
using smtp::Mailbox;

std::string line_in(const routing::WatchedTable& file, std::size_t line) {
  return fmt::format("{}, line {}", file.short_name(), line);
}

/// Users on lists, who have mailboxes, and to whom `[[rewrite]]` lets no mail come.
class RenamedUsers {
 public:
  RenamedUsers(const Config& config, const ListFiles& lists, Findings& out)
      : config_(config), lists_(lists), domains_(config.routing.domains), out_(out) {}

  void run() {
    const routing::RecipientsConfig& r = config_.routing.recipients;
    for (std::size_t i = 0; i < config_.routing.rewrites.size(); ++i) {
      const routing::RewriteRule& rule = config_.routing.rewrites[i];
      if (rule.map.empty()) {
        RewriteMap own(routing::MailboxRules{nullptr, r.case_sensitive, r.delimiter});
        own.add(rule.from, rule.to);
        check(own, fmt::format("rewrite[{}].from", i), "");
      } else if (const auto* file = lists_.ways.map(rule.map); file != nullptr) {
        if (const auto map = file->table())
          check(*map, fmt::format("rewrite[{}].map", i), std::string(file->short_name()));
      }
    }
  }

 private:
  /// Told once for all rules of `map`. What is said of whole domains is proved (docs/proof.md).
  void check(const RewriteMap& map, const std::string& path, const std::string& file) {
    std::string first;
    std::size_t more = 0;
    for (const auto& [from, to] : map.rules()) {
      if (from.starts_with('@')) continue;
      const Result<Mailbox> user = Mailbox::parse(from);
      const routing::DomainIndex::Found* found = user ? domains_.find(user->domain()) : nullptr;
      if (found == nullptr) continue;
      const std::optional<RewriteMap::Found> renamed = map.find(*user);
      if (!renamed || is_same_mailbox(*user, renamed->to)) continue;
      const std::string list = list_with(*user, *found->domain);
      if (list.empty()) continue;
      if (first.empty()) {
        const std::string by =
            file.empty() ? std::string("it") : fmt::format("{}, line {},", file, renamed->line);
        first = fmt::format(
            "{} has {}, who gets no mail, since {} gives it to {}; take the user "
            "off one of the two",
            list,
            user->text(),
            by,
            renamed->to.text());
      } else {
        ++more;
      }
    }
    if (first.empty()) return;
    if (more != 0) first += fmt::format(" (and {} more)", more);
    out_.warning(path, "renamed-user", first);
  }

  /// U@T and U@D are one.
  bool is_same_mailbox(const Mailbox& a, const Mailbox& b) const {
    const routing::DomainIndex::Found* left = domains_.find(a.domain());
    const routing::DomainIndex::Found* right = domains_.find(b.domain());
    return left != nullptr && right != nullptr && left->domain == right->domain &&
           smtp::iequals(a.local(), b.local());
  }

  /// "cutover.txt, line 3"; empty: on no list.
  std::string list_with(const Mailbox& user, const routing::Domain& domain) const {
    if (const routing::CutoverList* list = lists_.cutover.find(domain)) {
      if (const std::size_t line = list->look_up(user).line) return line_in(list->file(), line);
    }
    const routing::WatchedTable* dual = lists_.ways.list(domain.dual_delivery);
    const auto table = dual != nullptr ? dual->table() : nullptr;
    if (const std::size_t line = table ? table->find(user) : 0) return line_in(*dual, line);
    for (const routing::Waves::Wave& wave : lists_.waves.all()) {
      if (!wave.file) continue;
      if (const std::size_t line = wave.file->line_of(user))
        return line_in(wave.file->file(), line);
    }
    return {};
  }

  const Config& config_;
  const ListFiles& lists_;
  const routing::DomainIndex domains_;
  Findings& out_;
};

}  // namespace

void check_renamed(const Config& config, const ListFiles& lists, Findings& out) {
  RenamedUsers(config, lists, out).run();
}

}  // namespace postern::gateway
