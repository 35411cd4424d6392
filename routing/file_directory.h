// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/watched_table.h"

#include <string>
#include <string_view>

namespace postern::routing {

/// The file of `recipients.directory = "file:/path"`; empty: the setting names no file.
std::string_view directory_file(std::string_view setting);

/// `file:`: the mailboxes that V has, from a file as MailboxTable reads it; a local part alone is a
/// mailbox in every domain of ours. An address under an alias is the same mailbox (R4). The config
/// outlives it. refresh() by one thread, look-ups by any.
class FileDirectory final : public Directory {
 public:
  FileDirectory(const Config& config, std::string path, WatchedTable::Options options = {});

  Refresh refresh() { return file_.refresh(); }
  const WatchedTable& file() const { return file_; }

  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  std::optional<DirectoryAnswer> try_keyed(const smtp::Mailbox& mailbox,
                                           const RecipientKey& key) const override;
  void prefetch(const RecipientKey& key, Part part) const override;
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

 private:
  DirectoryAnswer found_in(std::size_t line) const;

  DomainIndex domains_;
  WatchedTable file_;
};

}  // namespace postern::routing
