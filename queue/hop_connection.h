// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/hop_health.h"
#include "queue/hop_pool.h"
#include "queue/tls_plan.h"
#include "routing/next_hop.h"
#include "smtp/session/client_session.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace postern::queue {

/// One address of one server of a target, with what its next hop allows.
struct Candidate {
  std::string label;  ///< how replies name it: the next hop, or the MX host; no address of ours
  std::string host;   ///< the name behind the address, or the address
  net::Endpoint endpoint;
  HostUse use;                                      ///< for what is known of its health
  TlsPlanPtr tls;                                   ///< null: `tls_question` is to be asked first
  std::shared_ptr<const TlsQuestion> tls_question;  ///< null: there is nothing to ask
  bool tls_waived = false;  ///< the message said that it need not be kept: as under `may`
  routing::NextHopLogin login;
  bool chunking = true;
  routing::NextHopLimits limits;
  bool fresh = false;  ///< no kept connection: one has just proved dead

  /// A connection to the other serves this one too: the same TLS, the same account.
  bool is_served_by(const Candidate& other) const {
    return (tls == other.tls || tls->key == other.tls->key) && login == other.login;
  }
};

/// A connection to a next hop with its account. Owned by the pool while idle, by a HopLease while
/// used.
struct HopConnection {
  HopConnection(net::Executor executor, smtp::ClientOptions options, Candidate to)
      : candidate(std::move(to)), session(executor, std::move(options)), born(net::Clock::now()) {}

  Candidate candidate;
  smtp::ClientSession session;
  net::TimePoint born;
  net::TimePoint idle_since;
  std::uint64_t messages = 0;  ///< MAILs said
  /// Context::number() of the authorities that the server is verified by; nullopt: by none.
  std::optional<std::uint64_t> authorities{};
  bool reused = false;

  /// Lifetime and number of messages allow another message.
  bool may_go_on(net::TimePoint now) const;
  /// "10.0.0.5:25", "[2001:db8::5]:25"
  std::string address() const;
};

/// What the host's plan wants of TLS, into `options`; all but where sessions are kept.
void set_tls(const HopPoolConfig& config, const Candidate& to, smtp::ClientOptions& options);

/// The right to use one connection. Gone: the connection is closed at once, unless it was kept.
class HopLease {
 public:
  HopLease() = default;
  HopLease(std::shared_ptr<HopPool::Impl> pool, std::unique_ptr<HopConnection> connection);
  ~HopLease();
  HopLease(HopLease&& other) noexcept = default;
  HopLease& operator=(HopLease&& other) noexcept;

  explicit operator bool() const { return connection_ != nullptr; }
  HopConnection* operator->() const { return connection_.get(); }
  HopConnection& operator*() const { return *connection_; }
  smtp::ClientDialogue& dialogue() const { return connection_->session.dialogue(); }

  /// Back to the pool for the next message; QUIT when it has served enough; closed when it failed
  /// or is within a message.
  void keep();
  /// Closes it at once.
  void drop();
  /// keep() where it is good for another message, else drop().
  void end(bool good) {
    if (good) {
      keep();
    } else {
      drop();
    }
  }

 private:
  std::shared_ptr<HopPool::Impl> pool_;
  std::unique_ptr<HopConnection> connection_;
};

}  // namespace postern::queue
