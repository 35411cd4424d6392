// SPDX-License-Identifier: Apache-2.0
#include "smtp/reply.h"

#include <charconv>

namespace postern::smtp {
namespace {

void append_number(std::string& out, unsigned value) {
  char digits[8];
  const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, value);
  if (ec == std::errc()) out.append(digits, end);
}

void append_status(std::string& out, EnhancedStatus s) {
  append_number(out, s.klass);
  out += '.';
  append_number(out, s.subject);
  out += '.';
  append_number(out, s.detail);
}

/// RFC 5321 4.5.3.1.5: a reply line is at most 512 octets with its CRLF.
constexpr std::size_t kLineOctets = 510;

}  // namespace

std::string EnhancedStatus::str() const {
  std::string out;
  if (!empty()) append_status(out, *this);
  return out;
}

std::string Reply::line() const {
  std::string out;
  append_number(out, static_cast<unsigned>(code_));
  if (!status_.empty()) {
    out += ' ';
    append_status(out, status_);
  }
  if (!text_.empty()) out += ' ';
  for (const char c : text_.view()) {
    if (c == '\n') {
      out += " / ";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return out;
}

void Reply::append_to(std::string& out) const {
  std::string_view rest = text_.view();
  for (bool more = true; more;) {
    const std::size_t end = rest.find('\n');
    more = end != std::string_view::npos;
    const std::string_view line = rest.substr(0, end);
    const std::size_t start = out.size();
    append_number(out, static_cast<unsigned>(code_));
    out += more ? '-' : ' ';
    if (!status_.empty()) {
      append_status(out, status_);
      out += ' ';
    }
    for (const char c : line.substr(0, kLineOctets - (out.size() - start))) {
      out += c == '\r' || c == '\0' ? ' ' : c;
    }
    out += "\r\n";
    if (more) rest.remove_prefix(end + 1);
  }
}

}  // namespace postern::smtp
