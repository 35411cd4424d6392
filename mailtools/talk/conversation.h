// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/client_mechanism.h"
#include "base/result.h"
#include "mailtools/talk/observer.h"
#include "mailtools/talk/target.h"
#include "smtp/client_capabilities.h"
#include "smtp/reply.h"
#include "smtp/reply_parser.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::talk {

/// What a secret is shown as.
inline constexpr std::string_view kHidden = "PROVIDED_BUT_REMOVED";

/// Which reply is hoped for; another is an answer too, and the observer is told.
enum class Expect : std::uint8_t { success, go_ahead, any };

/// What auth() does.
struct Login {
  auth::Credentials credentials;
  /// Tried in this order, as far as the server offers them; empty: all that there are, the
  /// strongest first.
  std::vector<std::string> mechanisms{};
  /// The observer sees what is not secret decoded ("AUTH PLAIN \0ann\0PROVIDED_BUT_REMOVED").
  bool show_decoded = false;
};

/// May stand in Login::mechanisms; any case.
bool is_mechanism(std::string_view name);

/// A conversation with one SMTP server, step by step, as somebody who tests looks at it: nothing is
/// sent that was not asked for, and every reply is handed over. Calls block until they are done or
/// Target::timeout is over. One thread; owns its event loop. After an error only close() makes
/// sense, but for a reply that did not come in time: it may still be read.
class Conversation {
 public:
  using Answer = Result<smtp::Reply, TalkError>;
  using Done = Result<void, TalkError>;

  /// Connects to the first address that takes the connection and sends the preamble; reads nothing.
  static Result<std::unique_ptr<Conversation>, TalkError> open(const Target& target,
                                                               Observer& observer);
  ~Conversation();
  Conversation(Conversation&&) = delete;

  /// The 220 of a new connection. With implicit TLS start_tls() comes first.
  Answer greeting() { return reply(Expect::success); }
  /// "EHLO name", "LHLO name"; a success sets capabilities(). No fallback to HELO.
  Answer hello(std::string_view verb, std::string_view name);
  Answer command(std::string_view line, Expect expect = Expect::success);
  /// The handshake, behind the 220 to STARTTLS or at the beginning. Forgets capabilities().
  Done start_tls(const TlsTerms& terms);
  /// RFC 4954. The reply is the one that ended it; a mechanism that is refused is followed by the
  /// next. TalkError: refused, or the connection is lost.
  Answer auth(const Login& login);

  /// Held back until flush() or the next reply(): pipelining.
  void queue(std::string_view line, std::string_view end = "\r\n");
  /// Any octets, which the observer is shown as `shown`.
  void queue_octets(std::string_view octets, std::string_view shown);
  /// Octets of a message, at once, behind what was queued. When they are not taken, the next
  /// reply() tells, after what the server may have said before it closed.
  void send_block(std::string_view octets);
  Done flush();
  /// Flushes, and reads the next reply.
  Answer reply(Expect expect = Expect::success);
  /// The same within another time. A reply that does not come is not told to the observer.
  Answer reply_within(std::chrono::milliseconds limit, Expect expect = Expect::any);
  /// Octets have come that were not read yet, or the connection is lost; without waiting.
  bool has_unread();

  /// QUIT, its reply, and the end.
  Answer quit();
  /// Ends it without a word.
  void close();

  /// Of the last hello() that went well; all false before.
  const smtp::Capabilities& capabilities() const { return capabilities_; }
  /// What stands behind a keyword of that reply ("XCLIENT": "NAME ADDR"); nullopt: not offered.
  std::optional<std::string> offered(std::string_view keyword) const;
  /// Null: the connection is plain.
  const TlsFacts* tls() const { return facts_ ? &*facts_ : nullptr; }
  bool is_open() const;
  const net::Endpoint& remote() const;
  const net::Endpoint& local() const;

 private:
  struct Link;

  Conversation(const Target& target, Observer& observer);
  Done connect();
  Answer log_in_by(const std::string& mechanism, const Login& login);
  Answer answer(std::string_view line, std::string_view shown, Expect expect);
  Answer next_reply(net::TimePoint until, Expect expect);
  void write(std::string_view octets);
  TalkError lost(net::error_code ec, std::string_view what) const;
  TalkError told(TalkError error);
  net::TimePoint deadline() const;
  std::string masked(std::string_view text) const;

  const Target target_;
  Observer& observer_;
  std::unique_ptr<Link> link_;  ///< the event loop, the stream, what was read
  smtp::ReplyParser parser_;
  std::string lines_;  ///< of the reply that is being read, as they came
  smtp::Capabilities capabilities_;
  std::string hello_;  ///< the text of the reply to the last hello()
  std::optional<TlsFacts> facts_;
  std::string output_;                      ///< queued
  std::optional<TalkError> write_error_{};  ///< nothing is sent any more
  std::string challenge_;                   ///< the text of the last reply, nothing hidden
  bool hides_challenges_ = false;           ///< those that come let the password be guessed
  std::vector<std::string> secrets_;        ///< spellings of passwords, looked for in replies
  net::TimePoint sent_at_{};
};

}  // namespace postern::talk
