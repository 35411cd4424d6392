// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/mime.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// What a letter is made of. A value.
struct MessageOptions {
  std::optional<std::string> data;  ///< the whole of it, with tokens; nullopt: our own template
  std::string body = "This is a test mailing";
  std::vector<MimePart> bodies;       ///< --attach-body; instead of `body`
  std::vector<MimePart> attachments;  ///< --attach
  std::vector<std::string> headers;   ///< fields that replace what is there: "Subject: x"
  std::vector<std::string> added;     ///< fields that are added, whatever is there
  bool fixup = true;                  ///< false: `data` is sent as it is
  bool strip_from = true;             ///< an mbox "From " line at the top goes
  bool utf8_fields = false;           ///< fields may hold UTF-8 (RFC 6532)
};

/// What is known of a letter besides.
struct MessageFacts {
  std::string from;             ///< empty: the null sender
  std::vector<std::string> to;  ///< named in To
  std::vector<std::string> cc;
  std::string host;  ///< who sends it, for Message-Id
  std::string id;    ///< of this letter, unlike any other; a boundary is made of it
  std::chrono::system_clock::time_point now;
};

/// The letter, lines ended by CRLF, dots not doubled: swaks' tokens filled in, fields replaced and
/// added, attachments as MIME. Without `fixup` the octets of `data`.
std::string compose(const MessageOptions& options, const MessageFacts& facts);

/// swaks' "\n" as a line end, for what was typed.
std::string with_line_ends(std::string_view typed);

}  // namespace postern::send
