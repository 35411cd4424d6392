// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/request.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// The hash of a mailbox in Postern-Trace, and the field's signature: 128 bits in lower-case hex.
using TraceHex = std::array<char, 32>;

/// What one Postern-Trace body says; nobody has verified it. Views into the body.
struct TraceField {
  std::string_view gateway;
  TraceHex mailbox{};
  unsigned pass = 0;  ///< 0: a loop token, which says `message` in place of it
  TraceHex message{};
  TraceHex mac{};

  bool is_token() const { return pass == 0; }
};

/// Passes that are ever counted; a field with more is broken.
inline constexpr unsigned kMaxTracePass = 99;

/// Reads `id=G; box=HEX; pass=N; mac=HEX`, or a loop token's `id=G; box=HEX; copy=HEX; mac=HEX`;
/// blanks and folds allowed between the words. nullopt: anything else.
std::optional<TraceField> parse_trace(std::string_view body);

/// R13: how often a message has passed this gateway for one mailbox, written into the message
/// itself, since Received fields may be stripped on the way. Signed, so that nobody can make a
/// message look circled, and with the mailbox hashed under the same key, so that the field tells
/// strangers nothing. What it does not bind is the message: a field copied into another message
/// harms only that one. Immutable, any thread.
class Tracer {
 public:
  /// `key` is never empty in a loaded config; with an empty one nothing is signed and nothing
  /// verifies.
  Tracer(std::string_view hostname, std::string key);

  bool is_on() const { return !key_.empty(); }
  /// `local` is the folded local part without its tag, `domain` the main domain's name: U@D and U@T
  /// are one mailbox.
  TraceHex mailbox_hash(std::string_view local, std::string_view domain) const;
  /// "Postern-Trace: ...\r\n", one line under 200 octets.
  std::string field(const TraceHex& mailbox, unsigned pass) const;
  /// A loop token: this gateway sends this message (a digest of MessageFacts) to every place of
  /// this mailbox itself. What comes back with it is not sent again. One line under 240 octets.
  std::string token(const TraceHex& mailbox, std::string_view message) const;
  /// Whether this gateway made the field.
  bool verify(const TraceField& field) const;

  /// The verified fields of one message, asked by mailbox. The facts, which are views, outlive it.
  class Passes {
   public:
    Passes(const Tracer& tracer, const MessageFacts& facts);
    /// The highest pass that is signed for this mailbox; 0: none.
    unsigned of(const TraceHex& mailbox);
    /// Is there a token for this mailbox that was made for this very message?
    bool has_token(const TraceHex& mailbox);
    /// Fields that could not be read, and those under our name that do not verify. Of the fields
    /// that nobody has asked about it verifies only the first few: a stranger chooses how many
    /// there are.
    unsigned forged();

   private:
    struct Entry {
      TraceField field;
      enum class State : std::uint8_t { unseen, genuine, forged } state = State::unseen;
    };
    bool is_genuine(Entry& entry);

    const Tracer& tracer_;
    const MessageFacts& facts_;
    std::vector<Entry> entries_;  ///< of this gateway, by mailbox
    unsigned forged_ = 0;
  };

 private:
  TraceHex sign(std::string_view purpose, std::string_view a, std::string_view b) const;
  TraceHex mac_of(const TraceHex& mailbox, unsigned pass) const;
  TraceHex message_hash(std::string_view message) const;
  TraceHex token_mac_of(const TraceHex& mailbox, const TraceHex& message) const;

  std::string id_;
  std::string key_;
};

}  // namespace postern::routing
