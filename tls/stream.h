// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/channel_binding.h"
#include "base/net.h"
#include "tls/peer_check.h"

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace postern::tls {

class Context;       // tls/context.h
class SessionCache;  // tls/session_cache.h

/// What a finished handshake agreed on, for Received fields and logs.
struct Info {
  std::string version;  ///< "TLSv1.3"
  std::string cipher;   ///< "TLS_AES_256_GCM_SHA384"
  int bits = 0;
  std::string peer_fingerprint;  ///< SHA-256 of the peer's certificate, hex; empty without one
  bool verified = false;  ///< the peer is the one that was meant: PeerOutcome, client certificates
  PeerOutcome::By verified_by = PeerOutcome::By::nothing;  ///< of a client's handshake
  // Of a server's handshake: who the client is by its certificate (tls/client_certificates.h);
  // empty: nobody.
  std::string client{};
  std::string client_problem{};  ///< why a certificate that it showed says nothing; for the log
  bool resumed = false;          ///< an earlier session was resumed; what was verified then, is
};

/// What a client brings to a handshake.
struct ClientTerms {
  std::string server_name;                 ///< SNI; empty or an address: none
  std::shared_ptr<const PeerCheck> check;  ///< null: any certificate is taken
  /// Where sessions are kept, by `session_key`, which says whose and on what terms; null: nowhere.
  std::shared_ptr<SessionCache> sessions;
  std::string session_key;
};

using net::error_code;

/// One TCP connection that is plain or TLS: the one concrete stream of all sessions, client and
/// server. Owned by its session; used only on the thread that runs its executor; at most one read
/// and one write at a time. SSL* is driven straight on the non-blocking socket (socket BIO and
/// readiness waits).
///
/// Deadline: one for whatever is under way. When it passes, the operation ends with
/// `asio::error::timed_out`. When that was a read, a new deadline makes the stream good again, so
/// that a silent client can be told so; when something was being sent, half of it may be gone, and
/// the stream is good for nothing but close().
class Stream {
 public:
  struct IoResult {
    error_code ec;
    std::size_t octets = 0;
    IoResult() = default;
    IoResult(error_code e, std::size_t n) : ec(e), octets(n) {}
  };

  explicit Stream(net::Socket socket);
  ~Stream();
  Stream(Stream&&) = delete;
  Stream& operator=(Stream&&) = delete;

  /// Every operation begun from now on must end before `when`. Cheap: no system call when the new
  /// deadline is later than the one that the timer already waits for.
  void expires_at(net::TimePoint when);
  void expires_after(net::Clock::duration span) { expires_at(net::Clock::now() + span); }

  /// Waits until there is something to read, without holding a buffer (idle sessions).
  net::Awaitable<error_code> wait_readable();
  /// Reads what is there, at least one octet. `asio::error::eof`: the peer closed (for TLS, with
  /// close_notify or without: SMTP has its own end of message, so a truncation cannot be taken for
  /// one).
  net::Awaitable<IoResult> read_some(std::span<char> buffer);
  /// Writes all of `data`.
  net::Awaitable<IoResult> write(std::string_view data);
  /// Whether something follows a write at once: then the end of it, less than a segment, may wait
  /// in the kernel for what follows (MSG_MORE, tcp(7); 0.2 s at most), which saves the peer a
  /// wake-up.
  enum class Follows : std::uint8_t { nothing, more };
  /// Writes both, one after the other, joined in one system call where that is possible.
  net::Awaitable<IoResult> write(std::string_view first,
                                 std::string_view second,
                                 Follows follows = Follows::nothing);

  /// Handshakes. On success the stream is TLS from now on; after a failure it is good for nothing
  /// but close(). Octets read in plain after the STARTTLS exchange must not exist; callers check.
  net::Awaitable<error_code> handshake_server(const Context& context);
  net::Awaitable<error_code> handshake_client(const Context& context, ClientTerms terms);
  /// The same with SNI alone.
  net::Awaitable<error_code> handshake_client(const Context& context, std::string_view server_name);

  /// Nothing has come that was not read, and the peer has not closed; asks without waiting. For a
  /// connection that nobody reads from: what comes there was not asked for.
  bool is_quiet();

  bool is_tls() const;
  /// Null before a handshake; valid as long as the stream.
  const Info* info() const;
  /// What a client's handshake has found about the server's certificate, also when it failed for
  /// that. Valid as long as the stream.
  const PeerOutcome& peer() const;

  /// What SASL binds itself to: with TLS 1.3 "tls-exporter" (RFC 9266), and "tls-server-end-point"
  /// (RFC 5929) where the server's certificate is signed with a hash. Empty without TLS.
  ChannelBindings channel_bindings() const;

  net::Endpoint remote() const { return remote_; }
  net::Endpoint local() const { return local_; }
  net::Executor executor();

  /// Ends everything under way with operation_aborted and closes the socket; for TLS, tries
  /// close_notify without waiting. May be called twice.
  void close();
  bool is_open() const;
  net::Socket& socket();

 private:
  struct Core;

  /// Socket, SSL* and deadline: shared with operations under way and the timer's handler, which may
  /// end after the stream is gone.
  std::shared_ptr<Core> core_;
  net::Endpoint remote_;
  net::Endpoint local_;
};

}  // namespace postern::tls
