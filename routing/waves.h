// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/watched_table.h"
#include "routing/wave_config.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// The users of one wave, from a file as MailboxTable reads it. A local part alone is a user of the
/// wave's domain, or of every domain of ours when it has none. refresh() by one thread, look-ups by
/// any.
class WaveMembers final : public Directory {
 public:
  WaveMembers(const Config& config,
              const WaveConfig& wave,
              std::string path,
              WatchedTable::Options options);

  Refresh refresh() { return file_.refresh(); }
  const WatchedTable& file() const { return file_; }

  bool is_immediate() const override { return true; }
  DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  std::optional<DirectoryAnswer> try_keyed(const smtp::Mailbox& mailbox,
                                           const RecipientKey& key) const override;
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

  /// The line that has this mailbox, 0: none, or the file cannot be read.
  std::size_t line_of(const smtp::Mailbox& mailbox) const;
  /// Every member with its line, under the main domain's name; a local part alone once for each
  /// domain that it stands for. False: the file cannot be read.
  bool each(const std::function<void(const smtp::Mailbox& member, std::size_t line)>& take) const;
  /// The first line with a local part alone, 0: there is none.
  std::size_t first_without_domain() const;

 private:
  DirectoryAnswer found_in(std::size_t line) const;

  const std::vector<Domain> scope_;
  /// By a domain's place in the config its place in scope_; none: not this wave's.
  const std::vector<std::optional<std::uint16_t>> places_;
  const DomainIndex domains_;
  WatchedTable file_;
};

/// All waves of a config, in the order in which they are asked: those that are cut over first, then
/// dual ones, then the others. refresh() by one thread, the rest by any.
class Waves {
 public:
  struct Wave {
    WaveConfig config;
    std::unique_ptr<WaveMembers> file;   ///< null: members are no file
    const Directory* members = nullptr;  ///< never null
  };
  explicit Waves(const Config& config, const WatchedTable::Options& options = {});

  /// Waves whose `members` are this setting have them in a directory, which outlives this; before
  /// any look-up. Without it they cannot be asked.
  void use(const std::string& members, const Directory& directory);

  /// Takes the files that have changed; true: one of them was.
  bool refresh();
  const std::vector<Wave>& all() const { return waves_; }
  /// Null: no wave of that name.
  const Wave* find(std::string_view name) const;
  /// All members are in files, which `check` has compared: the first wave that has a user is his.
  /// Where one is asked of a directory nobody can list them, and each wave is asked about a user.
  bool are_compared() const { return are_compared_; }

 private:
  std::vector<Wave> waves_;
  bool are_compared_ = true;
};

}  // namespace postern::routing
