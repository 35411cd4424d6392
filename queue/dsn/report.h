// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/envelope.h"
#include "smtp/reply.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::dsn {

// Delivery status notifications (RFC 3464), composed. Pure: no I/O, no clock, nothing random; any
// thread may compose. Who is told of what is asked before: policy.h, storm.h.

using Time = std::chrono::system_clock::time_point;

/// What became of a recipient (RFC 3464 2.3.3).
enum class Action : std::uint8_t { failed, delayed, delivered, relayed, expanded };

std::string_view name(Action action);

/// One recipient, and what the sender is told of it.
struct ReportedRecipient {
  smtp::Recipient recipient;  ///< as it came at RCPT: Final-Recipient, and ORCPT
  Action action = Action::failed;
  smtp::Reply reply;     ///< the last one; code 0: there was none
  std::string host;      ///< who gave the reply; empty: this gateway did
  std::string next_hop;  ///< as the administrator calls it; may be empty
  std::string reason;    ///< stage and reason, for administrators; may be empty
  std::optional<Time> last_attempt;
  std::optional<Time> will_retry_until;  ///< shown for `delayed` only
};

/// What a report is composed of. The views must live as long as the call.
struct Facts {
  std::string hostname;  ///< the gateway's own name: Reporting-MTA, and postmaster's domain
  std::string id;        ///< how the log calls the message; may be empty
  Time now;
  std::optional<Time> arrival;
  smtp::Sender sender;       ///< of the message: path, ENVID, RET, SMTPUTF8
  std::string_view header;   ///< the message's header block, as it came
  std::string_view message;  ///< the whole message as it came, or empty: not to be had
  std::vector<ReportedRecipient> recipients;
  /// Octets of the message that go back: a longer one is returned as its header block, and of that
  /// what fits.
  std::size_t most_returned = 64UL << 10;
  /// The way back has neither 8BITMIME nor SMTPUTF8: the report is made of ASCII, and what is not
  /// ASCII is lost or encoded (RFC 6533 3).
  bool ascii_only = false;
};

struct Report {
  std::string octets;  ///< header block and body; every line ends in CRLF
  bool needs_smtputf8 = false;
  bool needs_8bitmime = false;
  bool needs_requiretls = false;  ///< as the message that it is about (RFC 8689 section 5)
};

/// The report on `facts.recipients`, to facts.sender. None when the sender is null (R17), there is
/// no recipient to report, or `ascii_only` cannot be kept since the sender is not ASCII.
std::optional<Report> compose(const Facts& facts);

}  // namespace postern::dsn
