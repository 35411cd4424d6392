// SPDX-License-Identifier: Apache-2.0
#include "routing/file_directory.h"

#include "routing/joined.h"

namespace postern::routing {

std::string_view directory_file(std::string_view setting) {
  constexpr std::string_view kScheme = "file:";
  return setting.starts_with(kScheme) ? setting.substr(kScheme.size()) : std::string_view();
}

FileDirectory::FileDirectory(const Config& config, std::string path, WatchedTable::Options options)
    : domains_(config.domains),
      file_(std::move(path),
            MailboxRules{&domains_, config.recipients.case_sensitive, config.recipients.delimiter},
            std::move(options)) {}

DirectoryAnswer FileDirectory::look_up_now(const smtp::Mailbox& mailbox) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return {Presence::unavailable, file_.problem()};
  return found_in(table->find(mailbox));
}

std::optional<DirectoryAnswer> FileDirectory::try_keyed(const smtp::Mailbox& mailbox,
                                                        const RecipientKey& key) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return look_up_now(mailbox);
  return found_in(table->find(key, key.domain()));
}

void FileDirectory::prefetch(const RecipientKey& key, Part part) const {
  const ReadSection reading;
  const MailboxTable* const table = file_.table(reading);
  if (table == nullptr) return;
  return part == Part::place ? table->prefetch_place(key) : table->prefetch_record(key);
}

DirectoryAnswer FileDirectory::found_in(std::size_t line) const {
  if (line == 0) return {Presence::unknown, joined({"not in ", file_.short_name()})};
  return {Presence::known, line_of_file(file_.short_name(), line)};
}

net::Awaitable<DirectoryAnswer> FileDirectory::look_up(smtp::Mailbox mailbox) const {
  co_return look_up_now(mailbox);
}

}  // namespace postern::routing
