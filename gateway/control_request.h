// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is asked through the control socket, data_dir/control: one line of JSON, answered with lines
// of JSON of which the last has "done". `postern queue` is its client. Pure functions.

namespace postern::gateway {

enum class ControlCommand : std::uint8_t {
  list,
  show,
  hold,
  release,
  retry,
  remove,
  bounce,
  stats,
  reload,      ///< of `postern reload`
  hops,        ///< of `postern hops`; takes a hop, or none
  tls_report,  ///< of `postern tls-report`
  metrics,     ///< of `postern stats`
};

/// How far a stored message has come.
enum class QueueState : std::uint8_t {
  waiting,   ///< none of its recipients was tried yet
  deferred,  ///< a recipient was tried, and is tried again
  held,      ///< by an operator
};

/// Which messages, and which of their recipients that are pending; what is not set matches all.
struct ControlFilter {
  std::string hop;                       ///< a next hop's name, as a lane has it; empty: any
  std::optional<std::string> sender;     ///< `*` stands for any text; "": the null sender
  std::optional<std::string> recipient;  ///< the same
  std::optional<std::chrono::seconds> older;
  std::optional<QueueState> state;
  std::string up_to;  ///< an id: none that was born behind it; empty: any. No choice of its own

  /// Nothing is chosen.
  bool empty() const { return hop.empty() && !sender && !recipient && !older && !state; }
  friend bool operator==(const ControlFilter&, const ControlFilter&) = default;
};

struct ControlRequest {
  ControlCommand command = ControlCommand::stats;
  std::vector<std::string> ids;
  ControlFilter filter;
  bool all = false;      ///< what changes messages must be told so when it is given no filter
  bool dry_run = false;  ///< only says what would be changed
  std::optional<double> guard;  ///< of reload: a share of recipients, 0 to 1
  bool body = false;            ///< of show
  std::string day;              ///< of tls_report: "2026-11-30"; empty: today
  bool send = false;            ///< of tls_report: sends the reports
  friend bool operator==(const ControlRequest&, const ControlRequest&) = default;
};

/// Octets of a request line, its end included: some ten thousand ids.
inline constexpr std::size_t kLongestRequest = 256UL << 10;

std::string_view name_of(ControlCommand command);
std::string_view name_of(QueueState state);
std::optional<QueueState> parse_state(std::string_view name);
/// Hold, release, retry, remove, bounce.
bool changes_messages(ControlCommand command);

/// A line without its end. Unknown keys are mistakes: a newer client's choice must not be lost.
Parsed<ControlRequest> parse_request(std::string_view line);
/// Without an end of line; parse_request() gives the same back.
std::string format_request(const ControlRequest& request);

}  // namespace postern::gateway
