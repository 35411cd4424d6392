// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/client_mechanism.h"
#include "base/net.h"
#include "smtp/client_dialogue.h"
#include "smtp/limits.h"
#include "smtp/session/connect.h"
#include "tls/context.h"
#include "tls/stream.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

/// What a client session needs to know before it connects. Copied into the session.
struct ClientOptions {
  ClientProfile profile;
  ClientTimeouts timeouts;
  std::shared_ptr<const tls::Context> tls;  ///< null: STARTTLS is not used
  tls::ClientTerms tls_terms;  ///< without `server_name`: the host that open() is given
  /// With them the client logs in before anything else, over TLS alone; no message goes otherwise.
  std::optional<auth::Credentials> credentials;
};

/// One connection to a server: joins a ClientDialogue and a tls::Stream, and does what the dialogue
/// says. Used on the executor's thread, one call at a time; may be destroyed when none is under
/// way. A call gives false when the connection is lost for good: failure() tells why.
class ClientSession {
 public:
  ClientSession(net::Executor executor, ClientOptions options);
  ~ClientSession();
  ClientSession(ClientSession&&) = delete;

  /// Connects and greets, with TLS as the profile wants it. A handshake that fails with an old
  /// session is tried anew without; under `may` one that fails is followed by a connection in
  /// plain. `host`: the name for SNI. Called once.
  net::Awaitable<bool> open(net::Endpoint endpoint, std::string host);
  /// The same with a connection attempt that has ended, well or not.
  net::Awaitable<bool> open(Connected connected, net::Endpoint endpoint, std::string host);

  /// Does what was asked of the dialogue (mail, rcpt, data) until every reply is there, or until
  /// the message itself is wanted (after 354).
  net::Awaitable<bool> converse();
  /// Reads replies until at most `pending` are outstanding: how far BDAT may run ahead.
  net::Awaitable<bool> settle(std::size_t pending);
  /// Writes octets of the message (with dots, or behind a BDAT header), both parts in order. Ends
  /// when the socket took them: the back-pressure. The server's last words are read when it closed.
  net::Awaitable<bool> write(std::string_view first,
                             std::string_view second = {},
                             tls::Stream::Follows follows = tls::Stream::Follows::nothing);
  /// QUIT, its reply, and the end of the connection; never fails.
  net::Awaitable<void> quit();
  /// Ends it at once. The server must take an unfinished message for aborted.
  void close();

  /// No reply is there that nobody asked for, and the server has not closed. One that were left
  /// would be taken for the reply to the next command, and every later one for its neighbour's.
  bool is_quiet();

  ClientDialogue& dialogue() { return *dialogue_; }
  const ClientDialogue& dialogue() const { return *dialogue_; }
  const ClientFailure& failure() const { return dialogue_->failure(); }
  /// Null when the connection is plain.
  const tls::Info* tls() const { return stream_ ? stream_->info() : nullptr; }
  /// Why TLS was given up for plain; "" when it was not.
  const std::string& tls_fallback() const { return tls_fallback_; }
  /// Why TLS did not come about, or of a connection that goes on all the same what is wrong with
  /// the server's certificate; none: nothing is, or TLS was not tried.
  tls::Failure tls_failure() const;
  /// What is wrong with the server's certificate on this connection; none: nothing is, or it did
  /// not come to be looked at.
  tls::Failure peer_failure() const {
    return stream_ ? stream_->peer().failure : tls::Failure::none;
  }
  /// tls_failure() in words.
  std::string tls_failure_text() const;

 private:
  bool handshake_failed() const;
  net::Awaitable<bool> attempt(Connected connected, std::string_view host);
  net::Awaitable<bool> log_in();
  net::Awaitable<bool> send(ClientDialogue::Send action);
  net::Awaitable<bool> receive(ClientStep step);
  net::Awaitable<void> last_words();
  net::Awaitable<void> start_tls(std::string_view host);
  void set_deadline(ClientStep step);
  void lost(net::error_code ec, ClientStep step);

  net::Executor executor_;
  ClientOptions options_;
  std::optional<ClientDialogue> dialogue_;
  std::unique_ptr<tls::Stream> stream_;
  std::string tls_fallback_;
  tls::PeerOutcome first_peer_;   ///< of the connection before the one in plain
  bool within_reply_ = false;     ///< a part of the next reply has come; its deadline stands
  std::array<char, 2048> input_;  ///< replies are short; NOLINT: filled before it is read
};

}  // namespace postern::smtp
