// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/cutover_list.h"
#include "routing/waves.h"
#include "routing/way_files.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace postern::gateway {

/// The lists of users that a config names as files: cut-over lists (R5), members of waves, and
/// those of docs/ways.md. Each file is read once, by the constructor, and again when it changes:
/// check() looks at them, and the snapshot then serves with the same ones.
///
/// Points into the config's domains, which must live as long and stay where they are; a config that
/// is moved leaves them there. tell() and refresh(): one thread at a time; look-ups: any.
class ListFiles {
 public:
  /// `settle` as in routing::WatchedTable::Options.
  explicit ListFiles(const routing::Config& config,
                     std::chrono::milliseconds settle = std::chrono::milliseconds(1000));

  /// Where lines for the log go from now on; first those about what was read so far.
  void tell(const routing::Notice& notice);
  /// Takes the files that have changed.
  void refresh();

 private:
  struct Log {
    routing::Notice notice;
    std::vector<std::string> kept;
  };
  static routing::WatchedTable::Options watching(const std::shared_ptr<Log>& log,
                                                 std::chrono::milliseconds settle);

  const std::shared_ptr<Log> log_ = std::make_shared<Log>();

 public:
  routing::CutoverLists cutover;
  routing::Waves waves;
  routing::WayFiles ways;
};

}  // namespace postern::gateway
