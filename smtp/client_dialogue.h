// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/client_capabilities.h"
#include "smtp/client_step.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/reply_parser.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::smtp {

/// What a client says of itself, and what it wants of a connection; constant for a dialogue.
struct ClientProfile {
  std::string hostname;  ///< EHLO
  /// none: STARTTLS is not used. may: where offered. encrypt: not a message without it.
  enum class Tls : std::uint8_t { none, may, encrypt } tls = Tls::none;
};

/// Why a connection can be used no more. `reply` is the server's own when it said one.
struct ClientFailure {
  enum class Kind : std::uint8_t {
    none,
    unreachable,  ///< no connection
    lost,         ///< closed or reset by the server
    timed_out,    ///< the step's deadline passed
    bad_reply,    ///< not SMTP, out of sequence, or too long
    refused,      ///< the session is refused: greeting, EHLO and HELO, STARTTLS that must be, RSET
    closing,      ///< 421 (RFC 5321 3.8), within a transaction
    no_tls,       ///< TLS failed, or is demanded and not offered
  };
  Kind kind = Kind::none;
  ClientStep step = ClientStep::connect;  ///< what was being done
  Reply reply;
  std::string detail;  ///< for the log: "connection refused", "wrong version number"

  explicit operator bool() const { return kind != Kind::none; }
  /// "timed out while sending MAIL"; for logs and replies.
  std::string sentence() const;
};

/// The client's half of an SMTP dialogue, without I/O. Whoever owns it says what it wants (mail,
/// rcpt, ...), does what next() says until that is Finished, and reads the answers:
///
///   (new) -> greeting -> EHLO [-> HELO] [-> STARTTLS -> TLS -> EHLO] -> Finished: ready
///   mail rcpt* -> Finished -> [rcpt* ->] data -> SendBody -> body_sent -> Finished
///                                      | chunk_sent* (BDAT), the last one with LAST -> Finished
///
/// With PIPELINING, commands asked for together are one Send. A transaction that was begun and not
/// ended is dropped by reset(), at the latest by the RSET that mail() puts before MAIL. After a
/// failure next() is always Finished and the connection can only be closed.
class ClientDialogue {
 public:
  // Actions.
  /// Write the octets (valid until sent()), then call sent() or lost().
  struct Send {
    std::string_view octets;
    ClientStep step;
  };
  /// Read what comes, then call received() or lost(). The deadline is the step's, for each reply.
  struct Receive {
    ClientStep step;
  };
  /// Handshake, then call tls_done() or tls_failed().
  struct StartTls {};
  /// 354 was said: write the message with its dots and its end, then call body_sent() or lost().
  struct SendBody {};
  /// Nothing is left to do: look at failure() and answers().
  struct Finished {};
  using Action = std::variant<Send, Receive, StartTls, SendBody, Finished>;

  /// The server's reply to one command. In answers(): each MAIL, RCPT, DATA, end of data and last
  /// chunk in the order of asking; chunks only when refused.
  struct Answer {
    ClientStep step;
    Reply reply;
  };

  explicit ClientDialogue(const ClientProfile& profile);

  Action next() const;
  void sent();
  void received(std::string_view octets);
  void tls_done();
  void tls_failed(std::string detail);
  /// The connection ended or a deadline passed while `step` was under way.
  void lost(ClientFailure::Kind kind, ClientStep step, std::string detail);

  // What is wanted. All answers of before are forgotten once everything asked for was answered.
  void mail(const Sender& sender);
  void rcpt(const Recipient& recipient);
  void data();
  void body_sent();
  /// A BDAT with its octets was written (append_bdat).
  void chunk_sent(bool last);
  /// RSET, when the server may have a transaction open; else nothing.
  void reset();
  /// RSET behind the MAIL and RCPTs asked for, in one group with them: only the replies to them
  /// were wanted, and no message comes.
  void call_off();
  void quit();
  /// AUTH, or a response within it: one line. The server's reply is auth_reply(); a refusal is the
  /// connection's failure.
  void auth(std::string_view line);
  /// 334 with a challenge, or 235; code 0: nothing was asked yet.
  const Reply& auth_reply() const { return auth_reply_; }

  const Capabilities& capabilities() const { return capabilities_; }
  const std::vector<Answer>& answers() const { return answers_; }
  const ClientFailure& failure() const { return failure_; }
  /// Commands that the server has not answered yet.
  std::size_t pending() const { return expected_.size(); }
  /// A chunk was refused: the message is lost, sending more is of no use.
  bool chunk_refused() const { return chunk_refused_; }
  /// A message's octets are under way: only a closed connection undoes them.
  bool in_body() const { return body_; }
  bool is_tls() const { return tls_; }
  /// The server may have a transaction open.
  bool in_transaction() const { return transaction_; }

 private:
  struct Command {
    ClientStep step;
    std::size_t octets;
  };

  void begin_asking();
  void queue(ClientStep step, std::size_t before);
  void on_reply(Reply reply, bool more_follows);
  void on_session_reply(ClientStep step, const Reply& reply, bool more_follows);
  void on_ehlo(const Reply& reply);
  void on_auth_reply(Reply reply);
  void on_transaction_reply(ClientStep step, Reply reply);
  void greet(ClientStep step);
  void fail(ClientFailure::Kind kind, ClientStep step, Reply reply, std::string detail);
  ClientStep waiting_for() const;

  const ClientProfile* profile_;
  ReplyParser parser_;
  Capabilities capabilities_;
  std::string out_;             ///< commands that are not sent yet
  std::deque<Command> queued_;  ///< what out_ consists of
  std::deque<ClientStep> expected_;
  std::vector<Answer> answers_;
  ClientFailure failure_;
  Reply auth_reply_;
  bool tls_ = false;
  bool want_tls_ = false;
  bool transaction_ = false;  ///< the server may have a transaction open
  bool body_ = false;
  bool chunk_refused_ = false;
};

}  // namespace postern::smtp
