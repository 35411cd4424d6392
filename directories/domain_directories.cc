// SPDX-License-Identifier: Apache-2.0
#include "directories/domain_directories.h"

#include <algorithm>

namespace postern::directories {

using routing::Directory;
using routing::DirectoryAnswer;
using routing::Presence;

const Directory* DomainDirectories::find(const smtp::Mailbox& mailbox,
                                         DirectoryAnswer& answer) const {
  const routing::DomainIndex::Found* found = domains_.find(mailbox.domain());
  if (found == nullptr) {
    answer = {Presence::unknown, "not in a domain of ours"};
    return nullptr;
  }
  const Directory* directory = by_domain_[found->number];
  if (directory == nullptr) {
    answer = {Presence::known, "this domain has no directory: everyone is known"};
  }
  return directory;
}

bool DomainDirectories::is_immediate() const {
  return std::all_of(by_domain_.begin(), by_domain_.end(), [](const Directory* directory) {
    return directory == nullptr || directory->is_immediate();
  });
}

DirectoryAnswer DomainDirectories::look_up_now(const smtp::Mailbox& mailbox) const {
  DirectoryAnswer answer;
  const Directory* directory = find(mailbox, answer);
  return directory == nullptr ? answer : directory->look_up_now(mailbox);
}

std::optional<DirectoryAnswer> DomainDirectories::try_now(const smtp::Mailbox& mailbox) const {
  DirectoryAnswer answer;
  const Directory* directory = find(mailbox, answer);
  return directory == nullptr ? answer : directory->try_now(mailbox);
}

std::optional<DirectoryAnswer> DomainDirectories::try_keyed(
    const smtp::Mailbox& mailbox, const routing::RecipientKey& key) const {
  DirectoryAnswer answer;
  const Directory* directory = find(mailbox, answer);
  return directory == nullptr ? answer : directory->try_keyed(mailbox, key);
}

void DomainDirectories::prefetch(const routing::RecipientKey& key, Part part) const {
  if (key.domain() >= by_domain_.size()) return;
  const Directory* const directory = by_domain_[key.domain()];
  if (directory != nullptr) directory->prefetch(key, part);
}

net::Awaitable<DirectoryAnswer> DomainDirectories::look_up(smtp::Mailbox mailbox) const {
  DirectoryAnswer answer;
  const Directory* directory = find(mailbox, answer);
  if (directory == nullptr) co_return answer;
  co_return co_await directory->look_up(mailbox);
}

}  // namespace postern::directories
