// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/arrived.h"
#include "mailtools/load/plan.h"
#include "mailtools/load/report.h"
#include "mailtools/load/worker.h"

#include <boost/asio/signal_set.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <vector>

namespace postern::load {

/// A run: the threads that send, from their beginning to their figures; signals and progress. Used
/// once, by the thread that made it.
class Conductor {
 public:
  /// All outlive it. `arrived`: null without a sink.
  Conductor(const Plan& plan, const Arrived* arrived, std::ostream& err);
  Conductor(Conductor&&) = delete;

  /// Blocks until the last letter was answered, and with a sink until all of them arrived or none
  /// does any more.
  Outcome run();

 private:
  void on_held();
  void on_done();
  void on_signal();
  void await_signal();
  void await_arrivals();
  void await_tick();
  void show_progress();
  bool all_arrived(const Figures& so_far) const;
  Outcome collect();

  const Plan& plan_;
  const Arrived* const arrived_;
  std::ostream& err_;
  const bool shows_;  ///< progress
  Common common_;
  Times times_;
  std::size_t held_ = 0;  ///< threads whose idle and slow sessions stand
  std::size_t done_ = 0;  ///< threads that have ended
  bool interrupted_ = false;
  std::uint64_t accepted_before_ = 0;
  std::uint64_t arrived_before_ = 0;
  net::TimePoint last_arrival_{};
  net::TimePoint last_tick_{};
  net::TimePoint ended_{};
  Figures figures_;  ///< of threads that have ended
  net::IoContext context_{1};
  net::Timer tick_;
  net::Timer patience_;
  boost::asio::signal_set signals_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace postern::load
