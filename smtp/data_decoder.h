// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

/// What is wrong with the octets of a message; found while it passes, told after its end
/// (550 5.6.11).
struct ContentViolations {
  bool bare_cr = false;
  bool bare_lf = false;
  bool nul = false;
  bool any() const { return bare_cr || bare_lf || nul; }
};

/// Looks for bare CR, bare LF and NUL in octets that come in pieces (BDAT; DataDecoder has its
/// own). Scans 64 octets a step. `end()` tells of a CR that was the last octet.
class ContentScanner {
 public:
  void scan(std::string_view octets);
  void end();
  const ContentViolations& violations() const { return violations_; }
  /// True when an octet above 127 was seen: what a next hop without 8BITMIME may not get (R18).
  bool saw_8bit() const { return saw_8bit_; }

 private:
  ContentViolations violations_;
  bool previous_cr_ = false;
  bool saw_8bit_ = false;
};

/// Undoes DATA's transparency (RFC 5321 4.5.2) in place and finds CRLF.CRLF, the only end of a
/// message. Input may be cut anywhere. One decoder a message.
class DataDecoder {
 public:
  struct Step {
    std::size_t consumed =
        0;  ///< octets of the input that belong to this message (all, unless `done`)
    std::size_t produced = 0;  ///< message octets, now at the start of the buffer
    bool done = false;         ///< CRLF.CRLF was seen; input beyond `consumed` is the next command
  };

  /// Decodes `data[0..size)`; the decoded octets replace the front of the same buffer. Without dots
  /// at line starts nothing is moved.
  Step decode(char* data, std::size_t size);
  const ContentViolations& violations() const { return scanner_.violations(); }
  bool saw_8bit() const { return scanner_.saw_8bit(); }
  /// A dot was undone: a line of the message begins with one, or could be taken to.
  bool saw_dots() const { return saw_dots_; }

 private:
  enum class State : std::uint8_t { line_start, dot, dot_cr, middle, cr };
  void pass_run(char* data, std::size_t size, Step& step);
  void pass_edge(char* data, Step& step);

  State state_ = State::line_start;
  bool saw_dots_ = false;
  ContentScanner scanner_;
};

}  // namespace postern::smtp
