// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/reply.h"
#include "smtp/server_dialogue.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp {

/// A test that reads like an SMTP transcript (tests/dialogues/*.smtp). Lines:
///
///     # a comment
///     C: EHLO client.example     a line of the client, sent with CRLF
///     C> ab\r\nc                 octets of the client; \r \n \0 \\ are escapes
///     S: 250-PIPELINING          a line of the server; a final "..." is anything
///     S: (closed)                the server closes the connection
///     !submission                the listener wants authentication (R3)
///     !trusted                   but not of this client
///     !auth PLAIN LOGIN          the mechanisms that are offered; none can succeed
///     !auth_needs_tls            but not before TLS
///     !limit errors 3            also: message, recipients, messages, line
///     !offer binarymime          it is announced
///     !rcpt no@c.ru 550 5.1.1 no what the gateway says to this recipient
///     !begin 451 4.4.1 later     ... to DATA or the first BDAT
///     !end 250 2.0.0 queued      ... to the message
///
/// Lines of the client that follow each other are sent in one piece (PIPELINING).
struct DialogueScript {
  struct Step {
    enum class Kind : std::uint8_t { client, server, closed } kind = Kind::client;
    std::string text;  ///< octets of the client, or the server's line
    unsigned line = 0;
  };

  std::string name;
  std::vector<Step> steps;
  ServerProfile profile;
  bool trusted = false;
  std::map<std::string, Reply> recipient_replies;
  Reply begin_reply;
  Reply end_reply;

  /// Throws std::runtime_error that names file and line when a line is none of the above.
  static DialogueScript read(const std::filesystem::path& file);
  /// All files of tests/dialogues, by name.
  static std::vector<std::filesystem::path> all();
};

/// Whom a script talks to.
class DialogueTarget {
 public:
  virtual ~DialogueTarget() = default;
  virtual void send(std::string_view octets) = 0;
  /// The server's next line without CRLF; "(closed)" when it has closed.
  virtual std::string next_line() = 0;
};

/// Runs the script; a difference is a test failure that names file and line.
void play(const DialogueScript& script, DialogueTarget& target);

}  // namespace postern::smtp
