// SPDX-License-Identifier: Apache-2.0
#include "routing/file_directory.h"

#include <fmt/compile.h>

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
  const std::shared_ptr<const MailboxTable> table = file_.table();
  if (!table) return {Presence::unavailable, file_.problem()};
  const std::size_t line = table->find(mailbox);
  if (line == 0)
    return {Presence::unknown, fmt::format(FMT_COMPILE("not in {}"), file_.short_name())};
  return {Presence::known, fmt::format(FMT_COMPILE("{}, line {}"), file_.short_name(), line)};
}

net::Awaitable<DirectoryAnswer> FileDirectory::look_up(smtp::Mailbox mailbox) const {
  co_return look_up_now(mailbox);
}

}  // namespace postern::routing
