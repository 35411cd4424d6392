// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "routing/verdict.h"
#include "smtp/address.h"
#include "smtp/reply.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is kept of a letter for `postern replay`: who wrote to whom from where, and what was
// decided; nothing of the message itself. Pure functions.

namespace postern::gateway {

/// A copy that a stage asked for (routing::Copy), as far as two configs can be compared by it.
struct CopyWay {
  routing::CopyKind kind = routing::CopyKind::dual;
  std::string hop;
  smtp::Mailbox recipient_out;
  friend bool operator==(const CopyWay&, const CopyWay&) = default;
};

/// Where a recipient went, as far as two configs can be compared by it.
struct Way {
  routing::DecisionKind kind = routing::DecisionKind::reject;
  std::string hop;              ///< of `route`: the next hop's name, or "mx:DOMAIN"
  smtp::Mailbox recipient_out;  ///< of `route`
  std::uint16_t code = 0;       ///< of the reply to `reject` and `defer`
  smtp::EnhancedStatus status;  ///< the same
  std::string stage;            ///< the one that decided
  std::vector<CopyWay> copies;  ///< of `route`, in the order of asking

  friend bool operator==(const Way&, const Way&) = default;
};

/// `decision` as a way.
Way way_of(const routing::Decision& decision);

struct RecordedRecipient {
  smtp::Mailbox address;  ///< as it came
  Way way;
  friend bool operator==(const RecordedRecipient&, const RecordedRecipient&) = default;
};

struct RecordedEnvelope {
  std::chrono::sys_time<std::chrono::milliseconds> time;
  bool hashed = false;       ///< `[record] hash`: local parts are hashes
  bool knows_copies = true;  ///< false: a record without the ways' copies, which may have been
  IpAddress client;
  std::string listener;
  std::string identity;               ///< empty: not authenticated
  smtp::Mailbox sender;               ///< empty: the null sender
  std::optional<std::uint64_t> size;  ///< as MAIL declared it
  std::vector<RecordedRecipient> recipients;
  friend bool operator==(const RecordedEnvelope&, const RecordedEnvelope&) = default;
};

/// Octets of a record; a letter that needs more is not recorded.
inline constexpr std::size_t kMostRecord = 1UL << 20;

/// Appends the envelope as a record: "PsE1", length, CRC-32C (little-endian), then its fields; a
/// record says whether it has copies, and is read without them, too.
void append_record(const RecordedEnvelope& envelope, std::string& out);

/// Goes through the records of a file, whatever happened to it: what is torn or damaged is passed
/// over, up to the next record that is whole. The octets outlive it.
class RecordReader {
 public:
  explicit RecordReader(std::string_view octets) : rest_(octets) {}

  /// False: there is no more.
  bool next(RecordedEnvelope& out);
  /// The same without its fields.
  bool skip();
  /// Stretches of octets that are no record, so far. One that a record of the file's end was cut
  /// short in is none: it is being written, or was when the process ended.
  std::size_t damaged() const { return damaged_; }
  /// Octets up to the end of the last record.
  std::size_t position() const { return position_; }

 private:
  std::optional<std::string_view> find();

  std::string_view rest_;
  std::size_t position_ = 0;
  std::size_t passed_ = 0;  ///< octets behind position_ that are no record
  std::size_t damaged_ = 0;
};

}  // namespace postern::gateway
