// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_stamp.h"
#include "base/read_section.h"
#include "routing/mailbox_table.h"
#include "routing/rewrite_map.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace postern::routing {

/// Takes one line for the log. Called by whoever calls refresh().
using Notice = std::function<void(const std::string& line)>;

enum class Refresh : std::uint8_t {
  unchanged,  ///< the file is as it was
  settling,   ///< it was written a moment ago: taken by a later call, when nobody writes any more
  reloaded,   ///< a new table is in place
  failed,     ///< it cannot be read; the last good table, if any, stays
};

/// A file of addresses and the table that it last made. Look-ups never wait for a reload: a new
/// table is built beside the old one and swapped. Once a good table is there it stays when the file
/// goes away or cannot be read, since losing a list must not bounce everybody's mail; that is told
/// by the notice. Readers: any thread. refresh(): one thread at a time. A Table is made of
/// MailboxRules and takes lines (add_line).
template <class Table>
class WatchedFile {
 public:
  /// `settle`: how long a changed file must stay as it is before a reload takes it, so that a list
  /// that is being written in place is not read by half; counted from the refresh that first saw
  /// the change, since the file's own times may come from another machine's clock. Zero: at once.
  /// The first load takes what is there.
  struct Options {
    Notice notice;
    std::chrono::milliseconds settle{1000};
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };

  /// Reads the file; a failure is kept as problem().
  WatchedFile(std::string path, MailboxRules rules, Options options);

  /// Looks whether the file has changed (time, size or identity) and takes it when it has. Cheap
  /// when it has not: one stat.
  Refresh refresh();

  /// Null: no good table yet, and problem() says why.
  std::shared_ptr<const Table> table() const;
  /// The same for as long as `reading` is open: for look-ups, of which a decision has several.
  const Table* table(const ReadSection& /*reading*/) const { return current_.load(); }
  std::string problem() const;
  const std::string& path() const { return path_; }
  /// The file's name without its folders, for reasons.
  std::string_view short_name() const { return short_name_; }

 private:
  /// A file was opened, but changed while it was read.
  enum class Loading : std::uint8_t { done, changing, failed };

  bool is_settled(const FileStamp& stamp);
  Loading load();
  Refresh fail(const std::string& what);
  void put(std::shared_ptr<const Table> table, std::string problem);

  const std::string path_;
  const std::string_view short_name_;  ///< in path_
  const MailboxRules rules_;
  const Options options_;
  // refresh()'s own:
  FileStamp stamp_;  ///< of the table in place
  FileStamp seen_;   ///< of a change that settles, since seen_at_
  std::chrono::steady_clock::time_point seen_at_;
  std::string told_;          ///< the problem that the notice was last given
  mutable std::mutex mutex_;  ///< held for a pointer copy; libstdc++ 12's atomic<shared_ptr> races
  std::shared_ptr<const Table> table_;
  std::atomic<const Table*> current_{nullptr};  ///< table_'s, for those who hold no lock
  std::string problem_;
};

using WatchedTable = WatchedFile<MailboxTable>;
using WatchedMap = WatchedFile<RewriteMap>;

}  // namespace postern::routing
