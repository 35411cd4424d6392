// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/figures.h"
#include "mailtools/load/options.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::load {

/// What a run has found, ready to be told.
struct Outcome {
  std::string run;
  std::string ended;                     ///< "messages", "duration" or "interrupted"
  Figures figures;                       ///< of all threads
  std::optional<Deliveries> deliveries;  ///< with a sink
  net::TimePoint counted;                ///< from when on letters count
  std::chrono::nanoseconds cpu{0};       ///< of all threads that send
  double busiest_thread = 0;             ///< share of a processor, 0 to 1
  std::size_t idle = 0;                  ///< that were asked for
  std::size_t slow = 0;

  /// From the end of the warm-up to the last reply, and to the last arrival at the sink.
  double seconds() const;
  double sink_seconds() const;
  double accepted_rate() const;
  double delivered_rate() const;
  /// Letters and recipients that were taken, and have not come to the sink; 0 without one.
  std::uint64_t letters_missing() const;
  std::uint64_t recipients_missing() const;
  bool all_well() const;
};

/// One of the latencies; `name` as in JSON, `title` for people.
struct Latency {
  std::string_view name;
  std::string_view title;
  const Histogram* histogram;
};
/// All that were measured or could have been, in their order; valid as long as `outcome`.
std::vector<Latency> latencies(const Outcome& outcome);

// Pure; any thread.

/// For people: several lines.
std::string text_report(const Options& options, const Outcome& outcome);
/// docs/load.md, "JSON"; one object and a line end.
std::string json_report(const Options& options, const Outcome& outcome);
/// A JSON string with its quotes.
std::string json_text(std::string_view text);

}  // namespace postern::load
