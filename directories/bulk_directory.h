// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "routing/config.h"
#include "routing/directory.h"
#include "routing/domain_index.h"
#include "routing/mailbox_table.h"
#include "routing/watched_table.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace postern::directories {

/// Takes one address or local part, as a line of a file: directory.
using TakeAddress = std::function<void(std::string_view address)>;
/// Reads all addresses from elsewhere and gives them to `take`; blocks. How many there were, or why
/// there are none, printable. Ends soon when `stop` is asked for.
using LoadAddresses = std::function<Result<std::size_t, std::string>(const TakeAddress& take,
                                                                     const std::stop_token& stop)>;

/// A directory that is read whole from time to time, by a thread of its own. Look-ups are answered
/// from the table that was loaded last, at once and from any thread; a new table is built beside it
/// and swapped. After a load that failed the last good table stays, as with a file, and the next
/// try comes sooner. Before the first load everything is `unavailable`.
///
/// A load without a single address is a failure unless `may_be_empty`: an account that has lost its
/// rights is shown an empty directory, and nobody's mail may bounce for that. Lists that are
/// rightly empty (cut-over) say so.
class BulkDirectory final : public routing::Directory {
 public:
  struct Options {
    std::string name;  ///< "ldap ad", in evidence and notices
    std::chrono::milliseconds refresh{300'000};
    std::chrono::milliseconds retry{30'000};  ///< after a failure, when that is sooner
    bool may_be_empty = false;
    routing::Notice notice;  ///< called by the thread
  };

  /// Begins the first load. The config is used during the call alone, its domains are copied.
  BulkDirectory(const routing::Config& config, LoadAddresses load, Options options);
  /// Stops a load that goes on, and waits for its end.
  ~BulkDirectory() override;
  BulkDirectory(const BulkDirectory&) = delete;
  BulkDirectory& operator=(const BulkDirectory&) = delete;

  bool is_immediate() const override { return true; }
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

  /// Waits until the first load has ended, well or not; false: it has not in this time. For tools
  /// that ask once, and for a start that does not begin with 451. Any thread but an io thread.
  bool await_first_load(std::chrono::milliseconds limit) const;
  /// Loads now rather than at its time. Any thread, does not wait.
  void refresh();
  /// Empty: the last load was good. Any thread.
  std::string problem() const;
  /// Addresses in the table in use. Any thread.
  std::size_t size() const;

 private:
  struct Loaded {
    routing::MailboxTable table;
    std::string evidence;  ///< "ldap ad, loaded 14:02:11"
  };

  void run(const std::stop_token& stop);
  bool load(const std::stop_token& stop);
  void fail(std::string problem);
  std::shared_ptr<const Loaded> loaded() const;

  const std::vector<routing::Domain> domains_;
  const routing::DomainIndex index_;
  const routing::MailboxRules rules_;
  const LoadAddresses load_;
  const Options options_;

  mutable std::mutex mutex_;  ///< held for a pointer copy
  std::condition_variable_any wake_;
  mutable std::condition_variable_any ended_;  ///< the first load has
  std::shared_ptr<const Loaded> loaded_;
  std::string problem_ = "not loaded yet";
  bool asked_ = false;
  bool has_tried_ = false;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace postern::directories
