// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/message_id.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

// The form of RocksDB's log (its wiki: "Write Ahead Log File Format") and of a group in it, as far
// as the spool uses them: no recycled logs, no compression, one column family. What is in the
// database is read through RocksDB alone; this is for the groups that it skips as damaged.

namespace postern::spool {

/// A log is read and written in blocks of so many octets, no part of a record crosses their edges.
inline constexpr std::size_t kLogBlock = 32768;

/// In front of each part: checksum (4), length (2), type (1).
inline constexpr std::size_t kLogHeader = 7;

/// A record of a log, which is a group, or what is left of one.
struct LogPiece {
  bool good = false;
  bool whole = false;        ///< damaged, but all there: some octets are wrong, none is missing
  std::uint64_t offset = 0;  ///< of its first octet in the file
  std::uint64_t end = 0;     ///< behind its last one
  std::string octets;        ///< without the framing, as far as that could be told
  /// Where in `octets` the rest of a block begins in which nothing can be told apart, framing and
  /// all; npos: nowhere.
  std::size_t rest_at = std::string::npos;
};

/// Takes a log's blocks and gives its records. Where a checksum is wrong the length in front of it
/// is believed only if another record stands where it ends; otherwise the rest of the block is
/// damaged. (Looking for the next good record octet by octet would take one that somebody wrote
/// into a letter for one of the log.) Holds one record in memory. One thread.
class LogReader {
 public:
  using Take = std::function<void(LogPiece&&)>;
  explicit LogReader(Take take) : take_(std::move(take)) {}

  /// The next kLogBlock octets; fewer only at the end of the file.
  void block(std::string_view octets);
  /// The end of the file: what has begun and was not finished is damaged.
  void end();
  /// The log uses a form that this does not know, or has a record above kMostOctets: what was taken
  /// of it means nothing.
  bool is_foreign() const { return foreign_; }
  /// Groups (of one across an edge its beginning) that stand, with a good checksum, somewhere in
  /// such a rest and are not its first octets. Evidence that something was written behind what is
  /// damaged, and no more: it may be a part of somebody's letter.
  static void groups_in(std::string_view rest, const std::function<void(std::string_view)>& visit);

  static constexpr std::size_t kMostOctets = 256U << 20;

 private:
  struct Part;
  void add(const Part& part, std::uint64_t at, bool good);
  void lose(std::string_view octets, std::uint64_t at);
  void begin(std::uint64_t at);
  void finish(std::uint64_t end);
  void check_foreign(std::string_view octets);

  Take take_;
  std::uint64_t read_ = 0;  ///< octets of blocks before
  bool open_ = false;       ///< a record has begun
  bool whole_ = false;      ///< its beginning was there
  bool bad_ = false;
  bool foreign_ = false;
  std::uint64_t offset_ = 0;
  std::uint64_t last_end_ = 0;
  std::string octets_;
  std::size_t rest_at_ = std::string::npos;
};

/// Gives groups the form of a log. One owner, one thread.
class LogWriter {
 public:
  /// Appends the record to `out`; blocks are counted from the first call.
  void append(std::string_view record, std::string& out);

 private:
  std::size_t in_block_ = 0;
};

/// A group (RocksDB's WriteBatch): where it stands in the order of all operations, and how many it
/// has.
struct GroupHeader {
  static constexpr std::size_t kOctets = 12;
  std::uint64_t sequence = 0;
  std::uint32_t count = 0;
};
/// Zeros of a group that is too short to have one.
GroupHeader group_header(std::string_view group);

struct GroupOperation {
  enum class Kind : std::uint8_t { put, remove } kind = Kind::put;
  std::string_view key;
  std::string_view value;  ///< of a put
};
/// Visits the operations of a group up to the first that cannot be read; returns how many octets
/// were read.
std::size_t read_group(std::string_view group,
                       const std::function<void(const GroupOperation&)>& visit);
/// Ids of records that seem to be put in octets of which no more is known, in their order.
void find_records(std::string_view octets, const std::function<void(MessageId)>& visit);

}  // namespace postern::spool
