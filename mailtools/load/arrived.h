// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/figures.h"
#include "mailtools/sink/sink.h"

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace postern::load {

/// What the sink of a run has received: counts letters by what their header says, and how long each
/// was on its way. Told by the sink's threads; any thread may ask.
class Arrived : public sink::Observer {
 public:
  explicit Arrived(std::string run);

  bool taken(const sink::Taken& letter) override;
  /// The part of taken() that looks at nothing but this.
  void count(std::string_view head, std::uint64_t recipients, net::TimePoint moment);
  /// Also what does not count: something still comes.
  std::uint64_t total() const;
  Deliveries deliveries() const;

 private:
  const std::string run_;
  mutable std::mutex mutex_;
  Deliveries deliveries_;    ///< under mutex_
  std::uint64_t total_ = 0;  ///< under mutex_
  std::vector<bool> seen_;   ///< letters by number; under mutex_
};

}  // namespace postern::load
