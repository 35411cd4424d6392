// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::dsn {

// What others wrote, made fit to stand in a report: peers' replies, addresses, header blocks.
// Pure functions; any thread may call them.

/// RFC 5322 2.1.1: a line without its CRLF.
inline constexpr std::size_t kLineOctets = 998;

/// Which octets beyond ASCII may stand in a text.
enum class Charset : std::uint8_t {
  ascii,  ///< none
  utf8,   ///< those of well-formed UTF-8 (RFC 3629)
  any,    ///< all: the sender's own header block, whose charset nobody knows
};

bool is_ascii(std::string_view text);

/// Octets of the well-formed UTF-8 character at the front of `text`; 0 when there is none. C1
/// controls and the line separators U+2028 and U+2029 count as not well formed.
std::size_t utf8_front(std::string_view text);

/// `text` on one line: white space (CR and LF too) becomes one space, none at either end; other
/// control octets and what `charset` does not have become '?'.
std::string one_line(std::string_view text, Charset charset);

/// RFC 3461 4, decoded. What is no xtext stays as it is; the result may hold any octet.
std::string decode_xtext(std::string_view text);

/// An address of the type "utf-8" (RFC 6533 3): utf-8-addr-unitext for Charset::utf8, else
/// utf-8-addr-xtext.
std::string utf8_address(std::string_view address, Charset charset);

/// "Name: value" CRLF, the value made one_line and folded (RFC 5322 2.2.3) at 76 octets where it
/// has spaces, and anywhere rather than beyond kLineOctets.
void append_field(std::string_view name, std::string_view value, Charset charset, std::string& out);

/// `text` as a paragraph: one_line, every line indented by `indent` spaces and wrapped at 76
/// octets, with CRLF. An empty text gives nothing.
void append_paragraph(std::string_view text, std::size_t indent, Charset charset, std::string& out);

/// A header block as it came, with what cannot be sent mended: bare CR and LF and lines beyond
/// kLineOctets (folded), control octets, octets that `charset` does not have. Ends before the empty
/// line, and at a line's end within `most` octets of input.
std::string clean_header(std::string_view header, std::size_t most, Charset charset);

/// Whether `message` can be sent as it is: lines end in CRLF and have at most kLineOctets, no NUL,
/// no bare CR or LF.
bool is_clean_message(std::string_view message);

}  // namespace postern::dsn
