// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/callout.h"
#include "queue/hop_search.h"

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace postern::queue {

/// One mailbox that somebody asks for.
struct CalloutQuestion {
  smtp::Mailbox address;  ///< as the server is asked
  net::TimePoint deadline;
  std::function<void(routing::DirectoryAnswer)> answer;  ///< called once; then empty
  unsigned losses = 0;                                   ///< connections that broke with it open

  bool is_open() const { return static_cast<bool>(answer); }
  void give(routing::Presence presence, std::string evidence);
};

/// Where a Callout's questions wait and become groups. Lives on the callout's thread; only
/// waiting() is for all. Deadlines are in the order of arrival.
class CalloutDesk {
 public:
  /// `settings` and `pool` outlive it.
  CalloutDesk(net::Executor executor, const CalloutSettings& settings, HopPool& pool);
  CalloutDesk(CalloutDesk&&) = delete;

  void ask(CalloutQuestion question);
  std::size_t waiting() const { return waiting_count_.load(std::memory_order_relaxed); }

 private:
  using Question = std::shared_ptr<CalloutQuestion>;
  using Group = std::vector<Question>;

  // A lane is a coroutine with a connection; there are `connections` of them at most.
  void start_lanes();
  net::Awaitable<void> run_lane();
  net::Awaitable<void> talk(HopLease lease);
  void no_connection(const Found& found);

  Group take(const HopLease& lease);
  void add_probe(Group& group);
  smtp::Sender sender_of(const Group& group) const;
  Group settle(const HopLease& lease, const Group& group);
  void after_loss(HopLease lease, const Group& left);
  void put_back(const Group& group);
  void count();

  std::string label(const std::string& host) const;
  std::string evidence(const HopLease& lease,
                       const CalloutQuestion& of,
                       const smtp::Reply& reply) const;

  void arm();
  void expire();

  net::Executor executor_;
  const CalloutSettings& settings_;
  HopPool& pool_;
  routing::Target target_;
  std::deque<Question> waiting_;  ///< no connection has taken them
  std::deque<Question> all_;      ///< by deadline, answered ones in between
  net::Timer deadline_;
  bool armed_ = false;
  bool start_is_due_ = false;
  std::size_t lanes_ = 0;
  std::size_t searching_ = 0;           ///< lanes without a connection yet
  std::size_t group_limit_;             ///< less than `batch` once a server said 452 4.5.3
  std::set<std::string> probed_;        ///< domains
  std::set<std::string> takes_anyone_;  ///< domains
  std::atomic<std::size_t> waiting_count_{0};
};

}  // namespace postern::queue
