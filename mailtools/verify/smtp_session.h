// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/talk/conversation.h"
#include "mailtools/verify/plan.h"
#include "mailtools/verify/scenario.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::verify {

/// How a server is talked to, and as whom.
struct SessionTerms {
  Server server;
  std::optional<IpAddress> local{};  ///< none: the system's choice
  std::string helo;
  std::string user{};  ///< empty: no login
  std::string password{};
  /// Exchange under load waits 55 s before it answers MAIL (docs/mail-flow.md).
  std::chrono::milliseconds timeout{70'000};
};

/// An SMTP session that stops at the first thing that goes wrong, and keeps what that was. Blocks.
/// One thread.
class SmtpSession {
 public:
  explicit SmtpSession(SessionTerms terms);

  /// Connection, greeting, TLS as the terms have it, EHLO, login. False: see what went wrong.
  bool open();
  /// The reply, a refusal too; nullopt: the connection is lost, or was never there.
  std::optional<smtp::Reply> ask(std::string_view line);
  /// ask(), and the reply is positive.
  bool agrees(std::string_view line);
  /// The message behind a 354, and its reply.
  bool deliver(std::string_view octets);
  /// False: QUIT was not answered, so that others would be waited for as long.
  bool quit();
  /// Ends it without a word.
  void close();

  bool reached() const { return handed_.reached; }
  /// The refusal or failure that ended it, and where it was sent from.
  const Handed& outcome() const { return handed_; }
  /// Null before open() has connected.
  talk::Conversation* conversation() { return conversation_.get(); }

 private:
  bool keep(const talk::Conversation::Answer& answer);
  bool start_tls(bool asked);

  SessionTerms terms_;
  talk::Observer deaf_;
  std::unique_ptr<talk::Conversation> conversation_;
  Handed handed_;
};

/// Hands one letter in. `letter`: with CRLF line ends, no line that begins with a dot.
Handed hand_in(const SessionTerms& terms,
               const std::string& from,
               const std::string& to,
               std::string_view letter);

}  // namespace postern::verify
