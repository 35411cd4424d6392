// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/recorded_envelope.h"
#include "gateway/replay_decider.h"
#include "gateway/snapshot.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace postern::gateway {

/// A recipient that goes another way now.
struct ReplayExample {
  std::chrono::sys_time<std::chrono::milliseconds> time;
  std::string recipient;
  std::string sender;  ///< empty: the null sender
  std::string client;
  std::string listener;
};

/// Recipients that go from one way to one other, because of one stage.
struct ReplayGroup {
  static constexpr std::size_t kExamples = 3;
  std::string from;  ///< "exchange", "refused (550 5.1.1)", "discarded", ...
  std::string to;
  std::string stage;      ///< the cause; "copies": the way is the same, but not what is copied
  std::string reason;     ///< of the first example
  bool deferred = false;  ///< `to` is a 4xx: no change that is known, somebody could not be asked
  std::uint64_t recipients = 0;
  std::vector<ReplayExample> examples;  ///< the first of them
};

/// What a config would change about recorded envelopes.
struct ReplayReport {
  std::uint64_t envelopes = 0;
  std::uint64_t recipients = 0;
  std::uint64_t changed = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t deferred = 0;         ///< would get a 4xx, and did not
  std::uint64_t deferred_before = 0;  ///< got a 4xx, which tells nothing
  std::uint64_t hidden = 0;           ///< hashed, and the local part would decide
  std::uint64_t by_policy = 0;        ///< a policy server decided, which is not asked again
  std::uint64_t damaged = 0;          ///< places where records could not be read
  std::chrono::sys_time<std::chrono::milliseconds> first;  ///< envelope
  std::chrono::sys_time<std::chrono::milliseconds> last;
  std::vector<ReplayGroup> groups;  ///< the largest first

  /// Of those that could be compared: the part that changes, or would get a 4xx. 0 to 1.
  double share() const;
};

/// Decides recorded envelopes again, as sessions would, and compares. Directories and servers that
/// know who exists are really asked, many at a time; policy servers are not (they would count the
/// letters again), and what they decided is not compared. No mail is sent. One thread, which it
/// blocks.
class Replay {
 public:
  /// `against` null: with what was decided when they were recorded; else with what that config
  /// decides now. Both outlive it.
  Replay(const Snapshot& next, const Snapshot* against);

  void add(const RecordedEnvelope& envelope);
  /// Once.
  ReplayReport finish();

 private:
  void decide_batch();
  void compare(const RecordedEnvelope& envelope,
               const RecordedRecipient& recipient,
               const Way& from,
               const ReplayAnswer& to,
               bool knows_copies);
  void note(const RecordedEnvelope& envelope,
            const RecordedRecipient& recipient,
            std::pair<std::string, std::string> labels,
            const ReplayAnswer& to);

  ReplayDecider next_;
  std::optional<ReplayDecider> against_;
  std::vector<RecordedEnvelope> batch_;
  ReplayReport report_;
  std::map<std::tuple<std::string, std::string, std::string>, ReplayGroup> groups_;
};

}  // namespace postern::gateway
