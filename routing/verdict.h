// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"
#include "routing/config.h"
#include "routing/next_hop.h"
#include "smtp/address.h"
#include "smtp/reply.h"

#include <boost/container/small_vector.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::routing {

/// Next hops, in the order in which they are tried. Nearly always one or two.
using Hops = boost::container::small_vector<const NextHop*, 2>;

/// Where a route leads: next hops of the config (tried in order), or the MX of a domain.
struct Target {
  Hops hops;
  std::string mx_domain;  ///< set when `hops` is empty
  /// What the config says of TLS for `mx_domain`, owned by it; null: nothing, which is "may".
  const TlsPolicy* tls_policy = nullptr;

  /// "exchange", or "mx:example.com"; a list is named by its first.
  std::string name() const;
  friend bool operator==(const Target&, const Target&) = default;
};

/// A delivery that the gateway makes itself beside a recipient's own way, and what for.
enum class CopyKind : std::uint8_t {
  none,     ///< not a copy: the way of the recipient that the client named
  dual,     ///< the recipient's other mailbox, while he has one in X and one in V
  journal,  ///< an archive's, one a message
};

// What a stage can say.
/// No opinion. A `deferral` holds for the end: whoever would then be taken, or refused for ever, is
/// deferred with it; the first one of each counts.
struct Pass {
  enum class When : std::uint8_t { taken, refused };
  std::optional<smtp::Reply> deferral{};
  When when = When::taken;
  bool known = false;  ///< the directory has the recipient: it is not asked again
};
struct Bind {};  ///< the recipient is a mailbox of its domain
struct Rewrite {
  smtp::Mailbox recipient;
};  ///< go on with this recipient
struct RouteTo {
  Target target;
  /// The address that the next hop gets; empty: the recipient as it is now.
  smtp::Mailbox recipient_out{};
  /// R7: passed over towards a next hop that the mail came from, whatever the address. False: only
  /// under the address that it came with (V may get U@D back as U@T). The pipeline does both.
  bool pass_over_origin = true;
  std::optional<Delivery> delivery{};  ///< what the 250 waits for; none: as the listener says
};
struct Reject {
  smtp::Reply reply;
};  ///< 5xx
struct Defer {
  smtp::Reply reply;
};                  ///< 4xx
struct Discard {};  ///< take it and drop it
/// Copies go there too, and the next stages are asked as after a Pass (or a Bind). R7 holds for
/// each copy on its own. Nothing is copied unless the recipient itself is routed in the end.
struct Fork {
  CopyKind kind = CopyKind::dual;
  std::vector<RouteTo> to;
  bool binds = false;  ///< the recipient is a mailbox of its domain, also where R7 takes the copy
};
/// "No opinion" and "could not tell" are different verdicts: the second is a Defer.
struct Verdict {
  std::variant<Pass, Bind, Rewrite, RouteTo, Reject, Defer, Discard, Fork> what;
  Text reason;           ///< one line
  bool is_told = false;  ///< the letter's log line has this reason too, whatever stage decides
};

/// "pass", "bind", "rewrite", "route", "reject", "defer", "discard", "copy".
std::string_view verdict_name(const Verdict& verdict);

/// What one stage did; what explain prints, the log holds, a metric counts and a test asserts.
struct TraceStep {
  std::string_view stage;
  std::string_view verdict;
  Text reason;
  bool is_told = false;  ///< as in Verdict
};

/// A copy that a stage asked for and R7 has left. Views as in Decision.
struct Copy {
  CopyKind kind = CopyKind::dual;
  Target target;
  smtp::Mailbox recipient_out;
  std::string_view stage;
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
  CopyKind copy = CopyKind::none;    ///< what this decision itself is about
  /// For `route`: copies beside it. Each is a delivery of its own (decision_of), made when the
  /// message comes and never again by a retry.
  std::vector<Copy> also;

  std::string_view reason() const {
    return trace.empty() ? std::string_view() : trace.back().reason.view();
  }
  /// What a stage before the last one said for the log, such as the recipient's wave; empty:
  /// nothing.
  std::string_view told() const {
    for (std::size_t i = 0; i + 1 < trace.size(); ++i) {
      if (trace[i].is_told) return trace[i].reason.view();
    }
    return {};
  }
};

/// The same mailbox gets the message twice by our own doing, or is an archive that gets it by our
/// doing alone: what a loop token is for (R13).
bool is_doubled(const Decision& decision);
/// The copy as a decision of its own: a route with one line of trace.
Decision decision_of(const Copy& copy);

std::string_view copy_name(CopyKind kind);          ///< "", "dual", "journal"
std::string_view decision_name(DecisionKind kind);  ///< "route", "reject", "defer", "discard"

}  // namespace postern::routing
