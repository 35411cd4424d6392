// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/mailbox_key.h"
#include "smtp/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::routing {

/// Does V have this mailbox? `unavailable` is never a guess (R9: 451 4.4.3).
enum class Presence : std::uint8_t { known, unknown, unavailable };

struct DirectoryAnswer {
  Presence presence = Presence::unavailable;
  std::string evidence;  ///< "mailboxes.txt, line 12" or why it could not be asked
};

/// Who exists. Thread-safe: one directory serves all workers.
class Directory {
 public:
  virtual ~Directory() = default;
  /// True when `look_up_now` always answers without waiting.
  virtual bool is_immediate() const = 0;
  virtual DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const = 0;
  /// The answer where nobody need be asked for it: always of a file, of a server while it is
  /// cached. Stages try this first and stay plain functions; nullopt: look_up().
  virtual std::optional<DirectoryAnswer> try_now(const smtp::Mailbox& mailbox) const {
    return is_immediate() ? std::optional(look_up_now(mailbox)) : std::nullopt;
  }
  /// try_now() for a recipient whose key is there already, made by the config that the directory
  /// was made with.
  virtual std::optional<DirectoryAnswer> try_keyed(const smtp::Mailbox& mailbox,
                                                   const RecipientKey& /*key*/) const {
    return try_now(mailbox);
  }
  /// What of a large table a look-up waits for, in the order of waiting.
  enum class Part : std::uint8_t { place, record };
  /// Begins to fetch a part from memory for a try_keyed() with this key that comes in a while.
  virtual void prefetch(const RecipientKey& /*key*/, Part /*part*/) const {}
  virtual net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const = 0;
};

}  // namespace postern::routing
