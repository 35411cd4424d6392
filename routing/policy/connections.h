// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace postern::routing {

/// One connection to a policy server. Lives on one io_context's thread.
class PolicyConnection : public std::enable_shared_from_this<PolicyConnection> {
 public:
  explicit PolicyConnection(const net::Executor& executor)
      : socket_(executor), deadline_(executor) {}

  using Endpoint = net::asio::generic::stream_protocol::endpoint;

  net::Awaitable<net::error_code> connect(Endpoint endpoint);
  /// Writes the question and reads one answer with its empty line. Whatever fails, also an answer
  /// that is too long: the connection is of no more use.
  net::Awaitable<net::error_code> exchange(std::string question, std::string& answer);

  /// What is under way at `when` fails, and has_expired() tells why. One at a time.
  void arm(net::TimePoint when);
  void disarm();
  bool has_expired() const { return expired_; }

  /// Nothing came while nobody asked: an answer that nobody waits for would be the next one's.
  bool is_in_step();

  net::TimePoint idle_since;

 private:
  net::asio::basic_stream_socket<net::asio::generic::stream_protocol, net::Executor> socket_;
  net::Timer deadline_;
  std::uint64_t round_ = 0;  ///< a deadline of an earlier round means nothing
  bool expired_ = false;
  std::string input_;
};

/// The connections of one io_context to one server. Lives on that io_context's thread.
class PolicyLane {
 public:
  explicit PolicyLane(const net::Executor& executor) : executor_(executor) {}
  PolicyLane(PolicyLane&&) = delete;

  /// The right to use one connection; given back when it goes.
  class Place {
   public:
    explicit Place(PolicyLane* lane) : lane_(lane) {}
    Place(Place&& other) noexcept : lane_(std::exchange(other.lane_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (lane_ != nullptr) lane_->leave();
    }

   private:
    PolicyLane* lane_;
  };

  /// Waits in line for one of `limit` places; nullopt: none came free in time, or too many wait.
  net::Awaitable<std::optional<Place>> enter(std::size_t limit, net::TimePoint until);

  /// A kept connection, the last one that was used; null: none.
  std::shared_ptr<PolicyConnection> take_kept();
  void keep(std::shared_ptr<PolicyConnection> connection);
  void drop_kept() { kept_.clear(); }
  /// Closes what nobody has used for long.
  void prune(net::TimePoint now);
  bool is_unused(net::TimePoint now) const;

  /// Did the server not answer just now, several times in a row?
  bool is_silent(net::TimePoint now) const { return now < silent_until_; }
  void note_answer() { silences_ = 0; }
  void note_silence(net::TimePoint now);

 private:
  /// Somebody in line; in his coroutine's frame, which may go at any time.
  struct Waiter {
    explicit Waiter(PolicyLane& of) : lane(of), timer(of.executor_) {}
    Waiter(Waiter&&) = delete;
    ~Waiter() {
      lane.waiting_.remove(this);
      if (has_place) lane.leave();
    }
    PolicyLane& lane;
    net::Timer timer;
    bool has_place = false;
  };

  void leave();

  net::Executor executor_;
  std::deque<std::shared_ptr<PolicyConnection>> kept_;  ///< the last one was used last
  std::size_t busy_ = 0;
  std::list<Waiter*> waiting_;
  unsigned silences_ = 0;
  net::TimePoint silent_until_;
  net::TimePoint forget_at_;
};

/// All lanes of one io_context: a service of it, so that connections go down with the io_context
/// that they belong to. Used on its one thread.
class PolicyConnections final : public net::asio::execution_context::service {
 public:
  static net::asio::execution_context::id id;

  explicit PolicyConnections(net::asio::execution_context& context);
  /// The lane of a server, by its text; closes on the way what is left of others.
  PolicyLane& lane(const net::Executor& executor, const std::string& server);

 private:
  void shutdown() noexcept override;

  std::map<std::string, PolicyLane> lanes_;
};

}  // namespace postern::routing
