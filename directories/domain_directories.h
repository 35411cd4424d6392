// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/config.h"
#include "routing/directory.h"
#include "routing/domain_index.h"

#include <vector>

namespace postern::directories {

/// Which directory answers for which domain: `domain.directory`, else `recipients.directory`. A
/// domain that has neither has no directory, and everyone in it counts as known (R9). The config
/// and the directories outlive it.
class DomainDirectories final : public routing::Directory {
 public:
  /// One for each of the config's domains, in their order; null: none.
  DomainDirectories(const routing::Config& config, std::vector<const routing::Directory*> by_domain)
      : domains_(config.domains), by_domain_(std::move(by_domain)) {}

  bool is_immediate() const override;
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  std::optional<routing::DirectoryAnswer> try_now(const smtp::Mailbox& mailbox) const override;
  std::optional<routing::DirectoryAnswer> try_keyed(
      const smtp::Mailbox& mailbox, const routing::RecipientKey& key) const override;
  void prefetch(const routing::RecipientKey& key, Part part) const override;
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

 private:
  /// Null: `answer` is the whole answer.
  const routing::Directory* find(const smtp::Mailbox& mailbox,
                                 routing::DirectoryAnswer& answer) const;

  const routing::DomainIndex domains_;
  const std::vector<const routing::Directory*> by_domain_;
};

}  // namespace postern::directories
