// SPDX-License-Identifier: Apache-2.0
#include "routing/message_facts.h"

#include "smtp/address.h"

#include <openssl/evp.h>

#include <optional>
#include <string>

namespace postern::routing {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// The octets of one field with its folded lines, without the last line end.
std::string_view field_at(std::string_view header) {
  std::size_t end = header.find('\n');
  while (end != std::string_view::npos && end + 1 < header.size() && is_blank(header[end + 1])) {
    end = header.find('\n', end + 1);
  }
  return header.substr(0, end);
}

/// SHA-256 of the fields' octets without blanks and folds, which servers change; the first 128 bits
/// in hex. Empty: there is nothing in them.
std::string digest_of(std::string_view first, std::string_view second) {
  std::string octets;
  octets.reserve(first.size() + second.size() + 1);
  const auto add = [&octets](std::string_view body) {
    for (const char c : body) {
      if (!is_blank(c) && c != '\r' && c != '\n') octets += c;
    }
  };
  add(first);
  if (octets.empty()) return {};
  octets += '\n';
  add(second);
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  EVP_Digest(octets.data(), octets.size(), digest, &size, EVP_sha256(), nullptr);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < 16; ++i) {
    out += kDigits[digest[i] >> 4U];
    out += kDigits[digest[i] & 0xfU];
  }
  return out;
}

/// RFC 5322 section 3.2.2: without folds, blanks and comments, which may be nested and quoted in.
/// nullopt: a comment that does not end.
std::optional<std::string> bare_value(std::string_view body) {
  std::string out;
  unsigned depth = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (depth > 0 && c == '\\') {
      ++i;
    } else if (c == '(') {
      ++depth;
      out += ' ';
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth == 0) {
      out += c == '\r' || c == '\n' || c == '\t' ? ' ' : c;
    }
  }
  if (depth > 0) return std::nullopt;
  const std::size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) return std::string();
  return out.substr(first, out.find_last_not_of(' ') + 1 - first);
}

bool says_no(std::string_view body) {
  const std::optional<std::string> value = bare_value(body);
  return value && smtp::iequals(*value, "no");
}

}  // namespace

MessageFacts scan_header(std::string_view header) {
  MessageFacts facts;
  unsigned tls_required = 0;  // fields of that name
  while (!header.empty()) {
    const std::string_view field = field_at(header);
    if (field.empty() || field == "\r") break;
    header.remove_prefix(std::min(field.size() + 1, header.size()));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = field.substr(0, colon);
    // RFC 5322 4.5: old mail may have blanks before the colon.
    while (!name.empty() && is_blank(name.back()))
      name.remove_suffix(1);
    const std::string_view body = field.substr(colon + 1);
    if (smtp::iequals(name, "received")) {
      ++facts.received;
    } else if (smtp::iequals(name, "postern-trace") &&
               facts.trace_fields.size() < kMaxTraceFields) {
      facts.trace_fields.push_back(body);
    } else if (smtp::iequals(name, "message-id")) {
      if (facts.message_id.empty()) facts.message_id = body;
    } else if (smtp::iequals(name, "date")) {
      if (facts.date.empty()) facts.date = body;
    } else if (smtp::iequals(name, "from")) {
      if (facts.from.empty()) facts.from = body;
    } else if (smtp::iequals(name, "tls-required")) {
      facts.tls_not_required = ++tls_required == 1 && says_no(body);
    }
  }
  if (!facts.trace_fields.empty()) identify(facts);
  return facts;
}

void identify(MessageFacts& facts) {
  facts.by_id = digest_of(facts.message_id, {});
  facts.by_date = digest_of(facts.date, facts.from);
}

}  // namespace postern::routing
