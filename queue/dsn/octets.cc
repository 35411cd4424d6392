// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/octets.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::dsn {
namespace {

constexpr auto kNone = std::string_view::npos;
/// Where a line is folded when it can be.
constexpr std::size_t kColumn = 76;

unsigned octet(char c) {
  return static_cast<unsigned char>(c);
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_continuation(char c) {
  return (octet(c) & 0xc0U) == 0x80U;
}

/// Octets of the character that `lead` begins, and the bits of it that `lead` holds.
struct Lead {
  std::size_t octets = 0;
  char32_t bits = 0;
};

Lead lead(unsigned o) {
  if (o < 0x80) return {1, o};
  if (o >= 0xc2 && o < 0xe0) return {2, o & 0x1fU};
  if (o >= 0xe0 && o < 0xf0) return {3, o & 0x0fU};
  if (o >= 0xf0 && o < 0xf5) return {4, o & 0x07U};
  return {};
}

struct Character {
  std::size_t octets = 0;  ///< 0: not well formed
  char32_t point = 0;
};

Character character(std::string_view text) {
  if (text.empty()) return {};
  const Lead first = lead(octet(text.front()));
  if (first.octets == 0 || text.size() < first.octets) return {};
  char32_t point = first.bits;
  for (std::size_t i = 1; i < first.octets; ++i) {
    if (!is_continuation(text[i])) return {};
    point = (point << 6U) | (octet(text[i]) & 0x3fU);
  }
  const bool overlong =
      (first.octets == 3 && point < 0x800) || (first.octets == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  const bool ends_lines = (point >= 0x80 && point < 0xa0) || point == 0x2028 || point == 0x2029;
  if (overlong || surrogate || ends_lines || point > 0x10ffff) return {};
  return {first.octets, point};
}

/// Takes the next character off `rest`, as `charset` has it; control octets but the tab become '?'.
std::string_view take(std::string_view& rest, Charset charset) {
  const char c = rest.front();
  std::size_t octets = 1;
  bool good = (octet(c) >= 0x20 && octet(c) < 0x7f) || c == '\t';
  if (octet(c) >= 0x80 && charset == Charset::any) good = true;
  if (octet(c) >= 0x80 && charset == Charset::utf8) {
    const std::size_t whole = utf8_front(rest);
    good = whole != 0;
    octets = std::max<std::size_t>(1, whole);
  }
  const std::string_view taken = good ? rest.substr(0, octets) : std::string_view("?");
  rest.remove_prefix(octets);
  return taken;
}

/// Where a line of at most `most` octets ends when it cannot end at a space: before a character.
std::size_t hard_end(std::string_view text, std::size_t most) {
  std::size_t end = most;
  while (end > most - 3 && is_continuation(text[end]))
    --end;
  return is_continuation(text[end]) ? most : end;
}

/// Where the first line of `text` ends, which is longer than `column`: at a space before `column`
/// or else at the next one, and at `most` where there is none.
std::size_t soft_end(std::string_view text, std::size_t column, std::size_t most) {
  const std::size_t before = text.rfind(' ', column);
  if (before != kNone && before > 0) return before;
  const std::size_t next = text.find(' ', column);
  if (next != kNone && next <= most) return next;
  return text.size() <= most ? text.size() : hard_end(text, most);
}

/// One line of a header block, without its line end.
void append_header_line(std::string_view line, Charset charset, std::string& out) {
  std::string clean;
  clean.reserve(line.size());
  while (!line.empty())
    clean += take(line, charset);
  std::string_view rest = clean;
  std::string_view blank;  // what makes the line a continuation where it has no blank of its own
  while (blank.size() + rest.size() > kLineOctets) {
    const std::size_t most = kLineOctets - blank.size();
    // Before a blank, which then begins the next line: unfolding gives back what was there.
    std::size_t end = rest.find_last_of(" \t", most);
    if (end == kNone || end == 0) end = hard_end(rest, most);
    out.append(blank).append(rest.substr(0, end)).append("\r\n");
    rest.remove_prefix(end);
    blank = is_blank(rest.front()) ? "" : " ";
  }
  out.append(blank).append(rest).append("\r\n");
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return octet(c) < 0x80; });
}

std::size_t utf8_front(std::string_view text) {
  return character(text).octets;
}

std::string one_line(std::string_view text, Charset charset) {
  std::string out;
  out.reserve(text.size());
  bool space = false;
  while (!text.empty()) {
    const char c = text.front();
    if (is_blank(c) || c == '\r' || c == '\n') {
      space = !out.empty();
      text.remove_prefix(1);
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += take(text, charset);
  }
  return out;
}

std::string decode_xtext(std::string_view text) {
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return octet(c) - '0';
    return c >= 'A' && c <= 'F' ? octet(c) - 'A' + 10 : 16;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && i + 2 < text.size()) {
      const unsigned high = digit(text[i + 1]);
      const unsigned low = digit(text[i + 2]);
      if (high < 16 && low < 16) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string utf8_address(std::string_view address, Charset charset) {
  std::string out;
  while (!address.empty()) {
    const Character c = character(address);
    if (c.octets == 0) {
      out += '?';
      address.remove_prefix(1);
      continue;
    }
    const bool embedded = c.point <= 0x20 || c.point == 0x7f || c.point == '+' || c.point == '=' ||
                          c.point == '\\' || (c.point > 0x7f && charset != Charset::utf8);
    if (embedded) {
      fmt::format_to(std::back_inserter(out), "\\x{{{:02X}}}", static_cast<std::uint32_t>(c.point));
    } else {
      out += address.substr(0, c.octets);
    }
    address.remove_prefix(c.octets);
  }
  return out;
}

void append_field(std::string_view name,
                  std::string_view value,
                  Charset charset,
                  std::string& out) {
  const std::string clean = one_line(value, charset);
  std::string_view rest = clean;
  out.append(name).append(":");
  std::size_t used = name.size() + 2;
  while (rest.size() + used > kColumn) {
    const std::size_t end = soft_end(
        rest, kColumn - std::min(used, kColumn), kLineOctets - std::max<std::size_t>(used, 1));
    out.append(" ").append(rest.substr(0, end));
    rest.remove_prefix(end);
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.empty()) break;
    out += "\r\n";
    used = 1;
  }
  if (!rest.empty() || clean.empty()) out.append(" ").append(rest);
  out += "\r\n";
}

void append_paragraph(std::string_view text,
                      std::size_t indent,
                      Charset charset,
                      std::string& out) {
  const std::string clean = one_line(text, charset);
  std::string_view rest = clean;
  while (!rest.empty()) {
    const std::size_t end = rest.size() + indent <= kColumn
                                ? rest.size()
                                : soft_end(rest, kColumn - indent, kLineOctets - indent);
    out.append(indent, ' ').append(rest.substr(0, end)).append("\r\n");
    rest.remove_prefix(end);
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  }
}

std::string clean_header(std::string_view header, std::size_t most, Charset charset) {
  std::string out;
  out.reserve(std::min(header.size(), most));
  std::size_t used = 0;
  while (!header.empty()) {
    const std::size_t lf = header.find('\n');
    std::string_view line = header.substr(0, lf);
    const std::size_t taken = line.size() + (lf == kNone ? 0 : 1);
    used += taken;
    header.remove_prefix(taken);
    while (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    if (line.empty() || used > most) break;
    append_header_line(line, charset, out);
  }
  return out;
}

bool is_clean_message(std::string_view message) {
  while (!message.empty()) {
    const std::size_t end = message.find("\r\n");
    if (end == kNone || end > kLineOctets) return false;
    if (message.substr(0, end).find_first_of(std::string_view("\r\n\0", 3)) != kNone) return false;
    message.remove_prefix(end + 2);
  }
  return true;
}

}  // namespace postern::dsn
