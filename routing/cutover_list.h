// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/watched_table.h"

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace postern::routing {

/// R5: users of one domain who have left X, from a file as MailboxTable reads it; a local part
/// alone is a user of this domain. refresh() by one thread, look-ups by any.
class CutoverList {
 public:
  CutoverList(std::string path, MailboxRules rules, WatchedTable::Options options);

  Refresh refresh() { return file_.refresh(); }
  const WatchedTable& file() const { return file_; }

  enum class Standing : std::uint8_t { listed, not_listed, unavailable };
  struct Answer {
    Standing standing = Standing::unavailable;
    std::size_t line = 0;  ///< when listed
  };
  Answer look_up(const smtp::Mailbox& mailbox) const;
  /// The same with a key that was made by the rules of the list's config.
  Answer look_up(const RecipientKey& key) const;

 private:
  WatchedTable file_;
};

/// The lists of all domains that have one; a file that several domains name is read once.
/// The config outlives it.
class CutoverLists {
 public:
  explicit CutoverLists(const Config& config, const WatchedTable::Options& options = {});

  /// Refreshes each list; true: one of them was reloaded.
  bool refresh();
  /// Null: the domain has no list.
  const CutoverList* find(const Domain& domain) const;
  /// `domain` has its list in a directory, which outlives this; before any look-up.
  void use(const Domain& domain, const Directory& directory);
  /// Null: the domain's list, if any, is a file.
  const Directory* directory(const Domain& domain) const;
  /// Every list once.
  std::vector<const CutoverList*> all() const;

 private:
  DomainIndex domains_;
  std::map<std::string, std::unique_ptr<CutoverList>, std::less<>> lists_;  ///< by file
  std::map<std::string, const Directory*, std::less<>> directories_;        ///< by domain
};

}  // namespace postern::routing
