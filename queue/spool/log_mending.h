// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/log_file.h"
#include "queue/spool/message_id.h"

#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

namespace postern::spool {

/// A letter that a damaged group of the log was about, and nothing behind it has removed.
struct LostLetter {
  MessageId id;
  std::string record;  ///< as it is stored; empty: it cannot be read
  std::string body;    ///< as the database holds it (packed.h); empty: none, or it cannot be read
  std::string where;   ///< the file and the octet, for a person
};

/// What mend_logs() has found; empty where the logs are as they were written.
struct LogMending {
  std::vector<LostLetter> letters;  ///< ids ascending; what a table still has is not lost
  std::vector<std::string> lines;   ///< for the administrators' log, one for each damaged place
  /// Something of the logs is damaged, or ends in octets that may be: letters may have been in them
  /// of which nothing is known.
  bool is_incomplete = false;
  /// Names of logs that the disk cannot read everywhere: they go to `damaged` and are not removed.
  std::vector<std::string> unreadable;
  bool has_replaced = false;  ///< a log; end_mending() is due
  /// The body of a letter whose `body` is empty, from elsewhere; empty: there is nowhere else.
  std::function<Result<std::string>(MessageId)> find_body;
};

/// Takes out of the logs in `database` what cannot be read and has something good behind it, so
/// that RocksDB, which skips the rest of a block with it, reads all the rest. The octets go to
/// `damaged` as NNNNNN.log.OFFSET (and .2, ... where that is there) before the log is replaced as a
/// whole. What ends a log may be a write that a crash has torn: it is damage only if the next log
/// says by its sequence number that it was read before, or if a group stands in it whose number
/// fits. The logs as they were stay beside the new ones until end_mending(): without it, whatever
/// ended the process, the next call finds everything again. Blocks for about as long as reading the
/// logs takes; before the database is opened. The error: a log cannot be read or replaced (no
/// room), and opening it would lose letters unseen.
Result<LogMending, std::string> mend_logs(const std::string& database,
                                          const std::string& damaged,
                                          const ReadAt& read_at = ::pread);

/// What was found is told and on stable storage, and need not be found again. The error's text;
/// empty: none. Blocks.
std::string end_mending(const LogMending& mending,
                        const std::string& database,
                        const std::string& damaged);

}  // namespace postern::spool
