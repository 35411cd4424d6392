// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "queue/spool/message_id.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::spool {

/// What has become of one recipient. Everything but `pending` is final.
enum class Fate : std::uint8_t {
  pending,    ///< to be delivered
  delivered,  ///< the next hop has taken it
  failed,     ///< given up: answered with a bounce, or with nothing where R17 forbids one
  discarded,  ///< dropped on purpose: by a stage, or by an operator
};

/// A try that settled nothing: for those who ask why a letter waits.
struct PastTry {
  WallTime at{};
  std::string host;  ///< the server that answered; empty: none did
  std::string said;  ///< its reply in one line, cut at kPastReplyOctets
  friend bool operator==(const PastTry&, const PastTry&) = default;
};
inline constexpr std::size_t kPastReplyOctets = 200;
/// Of a recipient's tries, the latest are kept.
inline constexpr std::size_t kPastTries = 10;

/// One recipient of a stored message and how far it has come.
struct Recipient {
  smtp::Recipient address;  ///< as it came; of a copy: where it goes
  /// Of a copy that the gateway makes itself: its kind, as routing numbers it (0: no copy), and the
  /// recipient whose way has it, about whom a retry asks.
  std::uint8_t copy = 0;
  smtp::Mailbox copy_of{};
  Fate fate = Fate::pending;
  bool warned = false;  ///< a delay warning was sent
  std::uint32_t attempts = 0;
  WallTime due{};               ///< of the next attempt, while pending
  std::string lane;             ///< the next hop that it waits for, in the delivery engine's words
  std::string last_host;        ///< the server that answered last; empty: none did
  smtp::Reply last_reply;       ///< code 0: no attempt yet
  std::vector<PastTry> past{};  ///< the earliest first, kPastTries at most
};

/// Where a message came from: all that the routing pipeline asks, so that a retry can ask again.
struct Origin {
  IpAddress client;
  std::string helo;
  std::string listener;
  std::uint8_t role = 0;      ///< the listener's, as routing numbers it
  std::string listener_from;  ///< R7a; empty: none
  std::string identity;       ///< authenticated as; empty: not
  bool tls = false;
};

/// R13: what the header block tells about the message's way so far.
struct LoopFacts {
  std::uint32_t received = 0;
  std::vector<std::string> trace_fields;
  std::string by_id{};    ///< which message it is (routing::MessageFacts); kept where there are
  std::string by_date{};  ///< copies or trace fields
};

/// All that is known of a stored message besides its octets.
struct Envelope {
  smtp::Sender sender;
  std::vector<Recipient> recipients;
  Origin origin;
  LoopFacts loop;
  WallTime received{};
  std::uint64_t octets = 0;         ///< of the whole message; the spool fills it in
  std::uint32_t header_octets = 0;  ///< of the header block at its front
  /// The header block has "TLS-Required: No" (RFC 8689), and MAIL did not demand the opposite.
  bool tls_not_required = false;
  /// In memory alone: of a message that is read from the disk nothing is known.
  smtp::ContentFacts content;
  std::uint64_t config = 0;  ///< fingerprint of the config that chose the lanes; the caller's
  bool held = false;
};

}  // namespace postern::spool
