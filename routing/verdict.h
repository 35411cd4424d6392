// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"
#include "routing/config.h"
#include "routing/next_hop.h"
#include "smtp/address.h"
#include "smtp/reply.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::routing {

/// Where a route leads: next hops of the config (tried in order), or the MX of a domain.
struct Target {
  std::vector<const NextHop*> hops;
  std::string mx_domain;  ///< set when `hops` is empty

  /// "exchange", or "mx:example.com"; a list is named by its first.
  std::string name() const;
  friend bool operator==(const Target&, const Target&) = default;
};

// What a stage can say.
struct Pass {};  ///< no opinion
struct Bind {};  ///< the recipient is a mailbox of its domain
struct Rewrite {
  smtp::Mailbox recipient;
};  ///< go on with this recipient
struct RouteTo {
  Target target;
  smtp::Mailbox recipient_out;  ///< the address that the next hop gets
  /// R7: passed over towards a next hop that the mail came from, whatever the address. False: only
  /// under the address that it came with (V may get U@D back as U@T). The pipeline does both.
  bool pass_over_origin = true;
  std::optional<Delivery> delivery;  ///< what the 250 waits for; none: as the listener says
};
struct Reject {
  smtp::Reply reply;
};  ///< 5xx
struct Defer {
  smtp::Reply reply;
};                  ///< 4xx
struct Discard {};  ///< take it and drop it
/// "No opinion" and "could not tell" are different verdicts: the second is a Defer.
struct Verdict {
  std::variant<Pass, Bind, Rewrite, RouteTo, Reject, Defer, Discard> what;
  Text reason;  ///< one line
};

std::string_view verdict_name(
    const Verdict& verdict);  ///< "pass", "bind", "rewrite", "route", "reject", "defer", "discard"

/// What one stage did; what explain prints, the log holds, a metric counts and a test asserts.
struct TraceStep {
  std::string_view stage;
  std::string_view verdict;
  Text reason;
};

enum class DecisionKind : std::uint8_t { route, reject, defer, discard };

/// Where a recipient goes, and why. Its views (next hops, names, reasons made beforehand) point
/// into the pipeline and its config: valid as long as they are.
struct Decision {
  DecisionKind kind = DecisionKind::reject;
  Target target;                     ///< for `route`
  smtp::Mailbox recipient_out;       ///< for `route`
  std::optional<Delivery> delivery;  ///< for `route`: in place of the listener's
  smtp::Reply reply;                 ///< for `reject` and `defer`; else 250 2.1.5
  std::string_view stage;            ///< the one that decided
  std::vector<TraceStep> trace;      ///< in the order of asking; the last one decided

  std::string_view reason() const {
    return trace.empty() ? std::string_view() : trace.back().reason.view();
  }
};

std::string_view decision_name(DecisionKind kind);  ///< "route", "reject", "defer", "discard"

}  // namespace postern::routing
