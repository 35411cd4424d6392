// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/config.h"
#include "gateway/directory_makers.h"
#include "routing/directory.h"
#include "routing/file_directory.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories {
struct Setting;
}

namespace postern::gateway {

/// R4a: the address under which V has the mailbox of a plain address: U@T where `deliver_as` is
/// "alias", else U@D. What a callout asks `hop` for where that is the domain's V; of another server
/// the plain address. Keeps no part of the config; any thread.
std::function<smtp::Mailbox(const smtp::Mailbox&)> address_at_mailboxes(
    const routing::Config& config, const std::string& hop);

/// All directories that a config's settings name, each made once however many settings name it, so
/// that one server has one cache and one pool. Owned by the snapshot, whose config outlives it.
/// Made by one thread; what it gives is asked by any.
class Directories {
 public:
  Directories(const Config& config,
              DirectoryMakers makers,
              routing::WatchedTable::Options watching);

  /// The directory of a setting that was checked (config.h); it lives as long as this does. Error:
  /// what this build cannot ask, at `path`.
  Result<const routing::Directory*, Finding> make(const std::string& setting,
                                                  std::string_view path);
  /// Who exists, in all domains (R8, R9); null: everyone is known.
  Result<const routing::Directory*, Finding> recipients();

  /// Takes the files that have changed. One thread at a time.
  void refresh();

 private:
  using Made = Result<const routing::Directory*, Finding>;

  Made make(const directories::Setting& setting, std::string_view path);
  Made make_leaf(const directories::Setting& setting, std::string_view path);
  Made make_server(const directories::Config& directory, std::string_view path);
  Finding not_built(const directories::Config& directory, std::string_view path) const;
  const routing::Directory* keep(std::string key, std::unique_ptr<routing::Directory> directory);

  const Config& config_;
  const DirectoryMakers makers_;
  const routing::WatchedTable::Options watching_;
  /// By their settings; settings that combine others are made behind them.
  std::map<std::string, const routing::Directory*, std::less<>> made_;
  std::vector<std::unique_ptr<routing::Directory>> owned_;
  std::vector<routing::FileDirectory*> files_;
};

}  // namespace postern::gateway
