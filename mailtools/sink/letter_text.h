// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/sink.h"

#include <string>
#include <string_view>

// Private to mailtools/sink: letters as text. Pure.

namespace postern::sink {

/// What a writer has learned of a letter while it came.
struct Content {
  std::string subject;      ///< as it stands in the header, unfolded
  std::string sha256;       ///< of the octets, lower-case hex; empty: not asked for
  std::string_view octets;  ///< with --jsonl-content
  bool has_octets = false;
};

/// The value of a field of the header block at the start of `head`, unfolded (RFC 5322 2.2.3);
/// empty: there is none. `name` without the case of ASCII letters.
std::string header_field(std::string_view head, std::string_view name);

/// One JSON object without a line end. Octets that are not UTF-8 become U+FFFD, in the content too.
std::string json_line(const Taken& letter, const Content& content);

/// "02:31:07 10.0.0.5 <olga@company.ru> to <ivan@company.ru> and 2 more, 1234 octets: Subject".
std::string summary_line(const Taken& letter, std::string_view subject);

/// "messages 3 recipients 5 octets 4711 connections 2 refused 1".
std::string counts_line(const SinkCounts& counts);

/// Return-Path, and a Delivered-To for each recipient, with CRLF.
std::string delivery_fields(const Taken& letter);

/// A name that no other letter has, as maildir(5) wants it; `number` differs from letter to letter
/// of the process.
std::string maildir_name(std::chrono::system_clock::time_point when,
                         long process,
                         std::uint64_t number,
                         std::string_view hostname);

}  // namespace postern::sink
