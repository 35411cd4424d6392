// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/message_id.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::spool {

/// The book of all recipients that the spool was ever trusted with:
/// accepted = delivered + failed + discarded + queued + damaged, exactly and at every moment.
/// `messages` and `octets` are of what is queued. A value; also the difference of two books.
struct Ledger {
  std::int64_t accepted = 0;  ///< durable, or delivered before they had to be
  std::int64_t delivered = 0;
  std::int64_t failed = 0;  ///< "bounced": see Fate::failed
  std::int64_t discarded = 0;
  std::int64_t queued = 0;
  std::int64_t damaged = 0;   ///< their record or body could not be read; moved aside
  std::int64_t messages = 0;  ///< with a recipient that is queued
  std::int64_t octets = 0;    ///< of those messages

  bool balances() const { return accepted == delivered + failed + discarded + queued + damaged; }
  Ledger& operator+=(const Ledger& other);
  Ledger& operator-=(const Ledger& other);
  friend Ledger operator-(Ledger a, const Ledger& b) { return a -= b; }
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

/// The book as it is stored with every group, and the last id that was given out.
struct LedgerRecord {
  Ledger ledger;
  MessageId last_id;
};

std::string encode_ledger(const LedgerRecord& record);
Result<LedgerRecord> decode_ledger(std::string_view bytes);

}  // namespace postern::spool
