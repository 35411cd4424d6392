// SPDX-License-Identifier: Apache-2.0
#include "smtp/reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace postern::smtp {
namespace {

/// RFC 5321 4.5.3.1.5: a reply line is at most 512 octets with its CRLF.
constexpr std::size_t kLineOctets = 512;

/// "550-5.1.1 " built once a line; "4294967295" bounds each number.
class Prefix {
 public:
  Prefix(int code, EnhancedStatus status) {
    number(static_cast<unsigned>(std::clamp(code, 0, 999)));
    separator_ = size_;
    put(' ');
    if (status.empty()) return;
    number(status.klass);
    put('.');
    number(status.subject);
    put('.');
    number(status.detail);
    put(' ');
  }

  void set_separator(char c) { buffer_[separator_] = c; }
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  void put(char c) { buffer_[size_++] = c; }
  void number(unsigned value) {
    char* const begin = buffer_.data() + size_;
    size_ += static_cast<std::size_t>(std::to_chars(begin, begin + 10, value).ptr - begin);
  }

  std::array<char, 48> buffer_;
  std::size_t size_ = 0;
  std::size_t separator_ = 0;
};

bool breaks_a_line(char c) {
  return c == '\r' || c == '\n' || c == '\0';
}

void append_line(std::string& out, std::string_view prefix, std::string_view text) {
  text = text.substr(0, kLineOctets - 2 - prefix.size());
  out += prefix;
  const std::size_t begin = out.size();
  out += text;
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), breaks_a_line, ' ');
  out += "\r\n";
}

}  // namespace

std::string EnhancedStatus::str() const {
  if (empty()) return {};
  return std::to_string(klass) + '.' + std::to_string(subject) + '.' + std::to_string(detail);
}

std::string Reply::line() const {
  std::string line(Prefix(code_, status_).view());
  for (const char c : text()) {
    if (c == '\n') {
      line += " / ";
    } else {
      line += breaks_a_line(c) ? ' ' : c;
    }
  }
  while (line.back() == ' ') line.pop_back();
  return line;
}

void Reply::append_to(std::string& out) const {
  Prefix prefix(code_, status_);
  std::string_view rest = text();
  for (;;) {
    const std::size_t end = rest.find('\n');
    const bool last = end == std::string_view::npos;
    prefix.set_separator(last ? ' ' : '-');
    append_line(out, prefix.view(), rest.substr(0, end));
    if (last) return;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace postern::smtp
