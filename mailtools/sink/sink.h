// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"
#include "mailtools/sink/fault.h"
#include "smtp/data_decoder.h"
#include "smtp/envelope.h"
#include "smtp/limits.h"
#include "tls/context.h"
#include "tls/stream.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sink {

/// An account that may log in; the password as it is, since a sink guards nothing.
struct Account {
  std::string user;
  std::string password;
};

/// What a sink is made of.
struct SinkOptions {
  std::vector<net::Endpoint> listen;  ///< port 0: the system chooses
  std::string hostname = "sink.invalid";
  std::size_t threads = 1;  ///< with an io_context each; sessions are dealt out in turn
  /// For STARTTLS, or for TLS from the first octet; null: neither.
  std::shared_ptr<const tls::Context> tls;
  bool implicit_tls = false;
  std::vector<Account> accounts;                    ///< none: AUTH is not offered
  bool auth_required = false;                       ///< MAIL without AUTH is 530 5.7.0
  std::uint64_t max_size = std::uint64_t{1} << 30;  ///< octets, SIZE (RFC 1870); beyond: 552
  std::size_t max_connections = 100000;             ///< at a time; beyond: 421
  std::size_t max_recipients = 50000;               ///< a letter; beyond: 452 4.5.3
  std::vector<Fault> faults;
  std::uint64_t seed = 1;  ///< of what happens to a percentage of letters
  smtp::ServerTimeouts timeouts;
};

/// Where the octets of one letter go while they come. Owned by the session, on its thread;
/// destroyed without Observer::taken() where the letter does not come to its end.
class Writer {
 public:
  virtual ~Writer() = default;
  /// The next octets, dots and framing removed; valid during the call.
  virtual void write(std::string_view octets) = 0;
};

/// A letter. All of it is valid during the call alone.
struct Taken {
  net::Endpoint client;
  std::string_view helo;
  bool esmtp = false;              ///< EHLO rather than HELO
  const tls::Info* tls = nullptr;  ///< null: it came in plain
  std::string_view identity;       ///< logged in as; empty: nobody
  const smtp::Sender& sender;
  std::span<const smtp::Recipient> recipients;  ///< those that were taken, one at least
  std::uint64_t octets = 0;                     ///< of the content
  std::string_view head;                        ///< the first of them, up to kHeadOctets
  bool by_chunks = false;                       ///< BDAT rather than DATA
  smtp::ContentViolations violations;           ///< a sink takes what breaks RFC 5321 2.3.8 too
  std::chrono::system_clock::time_point when;
  net::TimePoint moment;     ///< the same on the monotonic clock, for latencies
  Writer* writer = nullptr;  ///< what keep() has given
};

inline constexpr std::size_t kHeadOctets = 4096;

/// Who is told of letters. Outlives the sink; called on the sink's threads, several at a time where
/// it has several; the session waits meanwhile.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Before a letter's first octet: its envelope. Null: nobody wants the octets.
  virtual std::unique_ptr<Writer> keep(const Taken& /*begun*/) { return nullptr; }
  /// Behind the last octet of a letter and before the reply to it. False: it cannot be kept, and
  /// the client is told 452 4.3.1.
  virtual bool taken(const Taken& letter) = 0;
  /// Behind taken(), when SinkCounts has the letter: how many there are with it.
  virtual void counted(std::uint64_t /*messages*/) {}
};

/// What was done so far; each grows only, but for `open`.
struct SinkCounts {
  std::uint64_t messages = 0;    ///< letters taken
  std::uint64_t recipients = 0;  ///< of these
  std::uint64_t octets = 0;      ///< of these, the contents
  std::uint64_t connections = 0;
  std::uint64_t refused = 0;  ///< replies 4yz and 5yz that were said
  std::uint64_t open = 0;     ///< sessions now
};

/// Why a sink cannot start, with what to do about it.
struct SinkError {
  std::string text;
};

/// An SMTP server that takes every letter for everybody, and fails as its faults say. It runs on
/// threads of its own from start() on; its members may be called by any thread but those.
class Sink {
 public:
  /// `observer` may be null.
  static Result<std::unique_ptr<Sink>, SinkError> start(SinkOptions options, Observer* observer);
  /// As stop().
  ~Sink();
  Sink(Sink&&) = delete;

  /// Where it listens, in the order of SinkOptions::listen, with the ports that were chosen.
  const std::vector<net::Endpoint>& endpoints() const;
  SinkCounts counts() const;
  /// By STARTTLS or from the first octet.
  bool has_tls() const;
  /// What goes wrong, now and for the next command of open sessions.
  FaultTable& faults();
  /// Connections are refused as by a host that is down; open sessions go on.
  void pause();
  /// The same ports again; what is in the way of that, if something is.
  Result<void, SinkError> resume();
  /// Open sessions say what they have to say and end; blocks until the threads have ended. May be
  /// called twice.
  void stop();

 private:
  struct State;
  explicit Sink(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A certificate for `hostname` and the loopback addresses, signed by its own key, made on the
/// spot; nothing of it stays on the disk.
Result<std::shared_ptr<const tls::Context>, SinkError> self_signed_context(
    const std::string& hostname);

}  // namespace postern::sink
