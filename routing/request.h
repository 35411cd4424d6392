// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "routing/config.h"
#include "smtp/envelope.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// What is known of the session in which a client waits for the answer: what a policy server is
/// told. Views outlive the decision.
struct SessionView {
  std::string_view id;
  std::uint64_t transaction = 0;  ///< number of the session's MAIL; with `id`: which message
  std::string_view helo;          ///< as the client said it; empty: not yet
  bool esmtp = true;
  std::uint16_t client_port = 0;  ///< 0: not known
  IpAddress server;               ///< ours
  std::uint16_t server_port = 0;
  std::string_view tls_version;  ///< "TLSv1.3"; empty: no TLS
  std::string_view tls_cipher;
  int tls_bits = 0;
};

/// What one asks about: one recipient of one message from one client. Views and pointers outlive
/// the decision.
struct Request {
  IpAddress client;
  std::string_view listener;  ///< its name, for reasons
  Role role = Role::mx;
  std::string_view listener_from;  ///< R7a: the listener's `from`, a next hop's name; empty: none
  std::string_view identity;       ///< authenticated as; empty: not
  const smtp::Sender* sender = nullptr;
  smtp::Mailbox recipient;            ///< as it came
  std::optional<std::uint64_t> size;  ///< as declared
  /// Empty: no client waits (a retry, a replay, a bounce), and whoever judges clients is not asked.
  std::optional<SessionView> session{};
};

/// What the header block of a message tells about its way so far (R13); known only once it has
/// arrived.
struct MessageFacts {
  unsigned received = 0;                       ///< number of Received fields
  std::vector<std::string_view> trace_fields;  ///< bodies of Postern-Trace fields, unfolded or not
  // Bodies of the fields that tell which message it is; empty: not there.
  std::string_view message_id;
  std::string_view date;
  std::string_view from;
  /// For loop tokens (identify): digests, 32 hex digits, of the Message-ID, and of Date and From,
  /// which are left when a server gives it a Message-ID on the way. Empty: the fields are not
  /// there, or nobody has asked.
  std::string by_id;
  std::string by_date;
  /// The field "TLS-Required: No" stands there once, and no other of that name (RFC 8689 section
  /// 3): the sender wants the message delivered rather than encrypted.
  bool tls_not_required = false;
};

}  // namespace postern::routing
