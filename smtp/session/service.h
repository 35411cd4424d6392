// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/channel_binding.h"
#include "base/ip.h"
#include "base/net.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "tls/stream.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern::smtp {

/// In front of the name of a client that is known by its certificate, where identities stand. No
/// account has one: their file has the colon for itself.
inline constexpr std::string_view kCertificateIdentity = "certificate:";

/// What a session knows about its client, as of now. Owned by the session; outlives its
/// transactions.
struct SessionFacts {
  std::string id;             ///< unique to the process; starts every log line of the session
  std::string_view listener;  ///< the listener's name
  IpAddress client;  ///< who is at the other end: behind a balancer its client, by XCLIENT another
  std::uint16_t client_port = 0;
  net::Endpoint local;         ///< where the client has connected to
  IpAddress proxy;             ///< the balancer that `client` has come through; else unspecified
  bool expects_proxy = false;  ///< the connection is a balancer's: it begins with a PROXY header
  std::string client_name;     ///< as XCLIENT has it; empty: not told
  std::string forwarded;       ///< XFORWARD: the message's way so far, for the log alone
  /// What DNS calls the client, "unknown" where it confirms no name; "" or null: nobody has asked.
  /// Filled in by the service before a transaction begins.
  std::shared_ptr<const std::string> confirmed_name;
  std::string helo;             ///< as the client said it; empty before EHLO
  bool esmtp = false;           ///< EHLO rather than HELO
  std::string identity;         ///< authenticated as; empty: not authenticated
  bool by_certificate = false;  ///< the identity is that of the client's certificate, not of AUTH
  const tls::Info* tls = nullptr;
  std::uint64_t transaction = 0;  ///< number of the MAIL that was taken last, from 1
};

/// One message from one MAIL to its last reply: what the server session asks of the gateway.
/// Owned by the session; every call on the session's thread, one at a time. Destroyed at any point
/// where no call is under way: whatever was begun is then undone (RSET, a dropped connection).
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// Decides about one recipient. A positive reply adds it.
  virtual net::Awaitable<Reply> recipient(const Recipient& recipient) = 0;

  /// DATA or the first BDAT was given, with at least one accepted recipient. A positive reply lets
  /// the message come (the session itself says 354 to DATA); another is given to the client in its
  /// place.
  virtual net::Awaitable<Reply> begin_message() = 0;

  /// The next octets of the message, transfer encoding (dots, BDAT framing) removed; valid until
  /// the call ends. The call ends when more may come: this is the back-pressure. After a failure it
  /// swallows the rest.
  virtual net::Awaitable<void> write(std::string_view octets) = 0;

  /// What the session has found of the whole message; said once, before finish().
  virtual void checked(const ContentFacts& /*facts*/) {}

  /// The end of the message. A positive reply means that R15 holds.
  virtual net::Awaitable<Reply> finish() = 0;

  /// The message ended but was refused by the session itself (bare LF, too large, ...): drop it and
  /// log `why`.
  virtual void refused(const Reply& why) = 0;
};

/// What AUTH asks for.
struct AuthStart {
  std::string mechanism;      ///< as the client wrote it; one of those that were offered
  ChannelBindings bindings;   ///< of the session's TLS; empty: it has none
  bool offered_plus = false;  ///< a mechanism with channel binding was offered
};

/// What a client's message in an exchange led to. Not an aggregate, as Reply.
class AuthStep {
 public:
  enum class Kind : std::uint8_t { challenge, succeeded, failed };

  /// `octets` go to the client, in base64.
  static AuthStep challenge(std::string octets) { return {Kind::challenge, std::move(octets), {}}; }
  /// The client is `identity` from now on.
  static AuthStep succeeded(std::string identity, Reply reply) {
    return {Kind::succeeded, std::move(identity), std::move(reply)};
  }
  static AuthStep failed(Reply reply) { return {Kind::failed, {}, std::move(reply)}; }
  /// The client is told only then; a reply of 421 also ends the session.
  AuthStep after(std::chrono::milliseconds delay) && {
    delay_ = delay;
    return std::move(*this);
  }

  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }
  const Reply& reply() const { return reply_; }
  std::chrono::milliseconds delay() const { return delay_; }

 private:
  AuthStep(Kind kind, std::string text, Reply reply)
      : kind_(kind), text_(std::move(text)), reply_(std::move(reply)) {}

  Kind kind_;
  std::string text_;
  Reply reply_;
  std::chrono::milliseconds delay_{0};
};

/// One AUTH exchange, from the command to its last reply. Owned by the session, on its thread;
/// destroyed at any point. Octets, without base64.
class AuthExchange {
 public:
  virtual ~AuthExchange() = default;
  /// nullopt: the command had no initial response.
  virtual net::Awaitable<AuthStep> begin(std::optional<std::string> initial) = 0;
  virtual net::Awaitable<AuthStep> next(std::string response) = 0;
  /// Instead of the next message: the session has ended the exchange. `why`: for the log, without
  /// anything that the client said.
  virtual void abandoned(std::string_view /*why*/) {}
};

/// What a client may do because of where it comes from. Not an aggregate, as Reply.
struct ClientRights {
  Reply refusal;         ///< code 0: none; else the session ends with it
  bool trusted = false;  ///< R3's allowlist: it need not authenticate
  bool xclient = false;
  bool xforward = false;
  ClientRights() = default;
};

/// What a session did without asking the gateway, for the log.
struct SessionNote {
  /// "refused": a command; "ended": the session, by us; "ignored": something that gives no right;
  /// "proxied", "xclient": whose session it is.
  std::string_view event;
  std::string_view command;  ///< as it came; of AUTH the verb alone
  std::string_view why;      ///< the reply, or what failed
};

/// What begin() gives: a positive reply with a transaction, or a refusal without.
struct Begun {
  Reply reply;
  std::unique_ptr<Transaction> transaction;
  Begun(Reply r, std::unique_ptr<Transaction> t) : reply(std::move(r)), transaction(std::move(t)) {}
};

/// The gateway as a server session sees it. One a worker thread, shared by its sessions.
class Service {
 public:
  virtual ~Service() = default;
  /// Where a session begins, and again where its client turns out to be another (XCLIENT).
  virtual ClientRights admit(const SessionFacts&) { return {}; }
  virtual net::Awaitable<Begun> begin(const SessionFacts& session, const Sender& sender) = 0;
  /// Before each recipient: code 0, or a refusal since the client has had too many of late.
  virtual Reply limit_recipient(const SessionFacts&) { return {}; }
  /// Of the mechanisms that the listener is set to offer ("PLAIN LOGIN"), those that can succeed on
  /// this connection now.
  virtual std::string auth_mechanisms(const SessionFacts&, std::string_view configured) {
    return std::string(configured);
  }
  /// Null: there is nobody who could check. `session` outlives the exchange.
  virtual std::unique_ptr<AuthExchange> authenticate(const SessionFacts& /*session*/,
                                                     const AuthStart&) {
    return nullptr;
  }
  /// At most kNotes a session: a client cannot fill the log.
  virtual void note(const SessionFacts&, const SessionNote&) {}
  static constexpr unsigned kNotes = 50;
};

}  // namespace postern::smtp
