// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/report.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::load {

/// One line of a plot. `histogram` is not empty, and outlives the call.
struct Curve {
  std::string title;
  const Histogram* histogram;
};

/// Latency against percentile as an SVG document of its own: both axes logarithmic, so that 99,
/// 99.9 and 99.99 % have room, dark text on white. Without curves it says so. Pure; any thread.
std::string plot_latencies(std::string_view title, const std::vector<Curve>& curves);
/// The curves of a run, and what was measured as the title.
std::string plot_outcome(const Options& options, const Outcome& outcome);

}  // namespace postern::load
