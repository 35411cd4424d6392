// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// One part of a letter. A value.
struct MimePart {
  std::string type;  ///< "text/html", perhaps with parameters
  std::string octets;
  std::string name{};  ///< of a file, UTF-8; empty: none
  friend bool operator==(const MimePart&, const MimePart&) = default;
};

/// A MIME entity (RFC 2045): fields without line ends, content with CRLF.
struct Entity {
  std::vector<std::string> fields;
  std::string content;
};

/// Texts are sent as they are where they are ASCII in lines that SMTP takes; everything else in
/// base64, which every server takes. Several `bodies` are alternatives (RFC 2046 section 5.1.4),
/// attachments follow. `bodies` must not be empty. `seed`: what boundaries are made of, unlike
/// anything within the parts.
Entity make_entity(const std::vector<MimePart>& bodies,
                   const std::vector<MimePart>& attachments,
                   std::string_view seed);

/// `name` as a parameter of a field, with "; " in front (RFC 2231 where it is not ASCII or long).
std::string parameter(std::string_view key, std::string_view value);

/// A field's text with encoded words (RFC 2047) where it is not ASCII, folded: "Subject: ...".
std::string encoded_field(std::string_view field);

/// Every line end is CRLF, the last one too.
std::string with_crlf(std::string_view text);

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace postern::send
