// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/mime.h"

#include "base/base64.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::send {
namespace {

constexpr std::size_t kBase64Line = 76;    // RFC 2045 section 6.8
constexpr std::size_t kLongestLine = 998;  // RFC 5322 section 2.1.1
/// Forty characters of base64: with "=?UTF-8?B??=" and a field's name within 76 (RFC 2047 section
/// 2).
constexpr std::size_t kEncodedWordOctets = 30;
constexpr std::size_t kParameterPiece = 54;

/// `text` in lower case begins with it.
bool is_of(std::string_view type, std::string_view prefix) {
  return type.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), type.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
         });
}

std::string base64_lines(std::string_view octets) {
  const std::string all = to_base64(octets);
  std::string out;
  out.reserve(all.size() + all.size() / kBase64Line * 2 + 2);
  for (std::size_t at = 0; at < all.size(); at += kBase64Line)
    out.append(all, at, kBase64Line).append("\r\n");
  return out;
}

/// Fit for 7bit (RFC 2045 section 2.7): text is with CRLF already.
bool is_plain_text(std::string_view text) {
  if (!is_ascii(text) || text.find('\0') != text.npos) return false;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (line.size() > kLongestLine || line.find('\r') != line.npos) return false;
    text.remove_prefix(std::min(text.size(), line.size() + 2));
  }
  return true;
}

std::string with_charset(const std::string& type, std::string_view text) {
  const bool has_one = type.find("charset=") != type.npos || type.find("charset*") != type.npos;
  if (!is_of(type, "text/") || has_one) return type;
  if (is_ascii(text)) return type + "; charset=us-ascii";
  return type + (is_utf8(text) ? "; charset=UTF-8" : "; charset=unknown-8bit");
}

Entity encoded(const std::string& type, std::string_view octets) {
  return {
      {"Content-Type: " + type, "Content-Transfer-Encoding: base64"},
      base64_lines(octets)
  };
}

Entity body_entity(const MimePart& part) {
  const std::string type = with_charset(part.type, part.octets);
  if (!is_of(part.type, "text/")) return encoded(type, part.octets);
  const std::string text = with_crlf(part.octets);
  if (!is_plain_text(text)) return encoded(type, text);
  return {
      {"Content-Type: " + type, "Content-Transfer-Encoding: 7bit"},
      text
  };
}

Entity attachment_entity(const MimePart& part) {
  const std::string type = with_charset(part.type, part.octets);
  Entity out;
  if (is_of(part.type, "message/")) {
    // RFC 2046 section 5.2.1: a letter within a letter is not encoded.
    out.content = with_crlf(part.octets);
    out.fields = {"Content-Type: " + type,
                  std::string("Content-Transfer-Encoding: ") +
                      (is_plain_text(out.content) ? "7bit" : "8bit")};
  } else {
    out = encoded(type, part.octets);
  }
  std::string disposition = "Content-Disposition: attachment";
  if (!part.name.empty()) disposition += parameter("filename", part.name);
  out.fields.push_back(std::move(disposition));
  return out;
}

void append_entity(const Entity& entity, std::string& out) {
  for (const std::string& field : entity.fields)
    out.append(field).append("\r\n");
  out.append("\r\n").append(entity.content);
}

/// RFC 2045 section 6.4: what holds an 8bit part says so itself.
constexpr std::string_view kEightBit = "Content-Transfer-Encoding: 8bit";

bool is_eight_bit(const Entity& part) {
  return std::find(part.fields.begin(), part.fields.end(), kEightBit) != part.fields.end();
}

Entity multipart(std::string_view kind, const std::vector<Entity>& parts, std::string boundary) {
  Entity out;
  out.fields.push_back(
      fmt::format("Content-Type: multipart/{};\r\n boundary=\"{}\"", kind, boundary));
  if (std::any_of(parts.begin(), parts.end(), is_eight_bit)) out.fields.emplace_back(kEightBit);
  for (const Entity& part : parts) {
    out.content.append("--").append(boundary).append("\r\n");
    append_entity(part, out.content);
  }
  out.content.append("--").append(boundary).append("--\r\n");
  return out;
}

/// How many octets of `text` at most `limit` end with a whole character.
std::size_t whole_characters(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return end == 0 ? limit : end;
}

/// Of the character in front (RFC 3629); 0: it is none.
std::size_t character_octets(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t octets = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (text.size() < octets) return 0;
  const bool whole =
      std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(octets), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
      });
  // Neither in more octets than needed, nor a surrogate, nor beyond U+10FFFF.
  const auto second = static_cast<unsigned char>(text[1]);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
  return whole && !wrong ? octets : 0;
}

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t octets = whole_characters(text, kEncodedWordOctets);
    out += fmt::format(
        "{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ", to_base64(text.substr(0, octets)));
    text.remove_prefix(octets);
  }
  return out;
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t octets = character_octets(text);
    if (octets == 0) return false;
    text.remove_prefix(octets);
  }
  return true;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' && (at == 0 || text[at - 1] != '\r')) out += '\r';
    out += text[at];
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string parameter(std::string_view key, std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return c >= ' ' && static_cast<unsigned char>(c) < 0x7F;
  });
  if (plain && value.size() <= kParameterPiece) {
    std::string quoted;
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return fmt::format(";\r\n {}=\"{}\"", key, quoted);
  }
  std::vector<std::string> pieces(1, "UTF-8''");
  for (const char c : value) {
    const bool bare = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '.' || c == '-' || c == '_';
    if (pieces.back().size() > kParameterPiece) pieces.emplace_back();
    pieces.back() +=
        bare ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  if (pieces.size() == 1) return fmt::format(";\r\n {}*={}", key, pieces.front());
  std::string out;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    out += fmt::format(";\r\n {}*{}*={}", key, i, pieces[i]);
  return out;
}

std::string encoded_field(std::string_view field) {
  const std::size_t colon = field.find(':');
  if (is_ascii(field) || colon == field.npos || !is_utf8(field)) return std::string(field);
  std::string out(field.substr(0, colon + 1));
  std::string pending;  // words that are encoded together, spaces between them too
  const auto flush = [&] {
    if (pending.starts_with('"')) pending.erase(0, 1);
    if (pending.ends_with('"')) pending.pop_back();
    if (!pending.empty()) out.append(" ").append(encoded_words(pending));
    pending.clear();
  };
  std::string_view rest = field.substr(colon + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool in_quotes = pending.starts_with('"') && !pending.ends_with('"');
    if (!is_ascii(word) || in_quotes || (word.starts_with('"') && !word.ends_with('"'))) {
      pending.append(pending.empty() ? "" : " ").append(word);
    } else if (!word.empty()) {
      flush();
      out.append(" ").append(word);
    }
  }
  flush();
  return out;
}

Entity make_entity(const std::vector<MimePart>& bodies,
                   const std::vector<MimePart>& attachments,
                   std::string_view seed) {
  std::vector<Entity> parts;
  parts.reserve(bodies.size() + attachments.size());
  for (const MimePart& body : bodies)
    parts.push_back(body_entity(body));
  // "=_" is in neither base64 nor quoted-printable (RFC 2045 section 6.7).
  if (parts.size() > 1)
    parts = {multipart("alternative", parts, fmt::format("=_alternative_{}", seed))};
  if (attachments.empty()) return parts.front();
  for (const MimePart& attachment : attachments)
    parts.push_back(attachment_entity(attachment));
  return multipart("mixed", parts, fmt::format("=_mixed_{}", seed));
}

}  // namespace postern::send
