// SPDX-License-Identifier: Apache-2.0
#include "smtp/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>

namespace postern::smtp {
namespace {

// RFC 5321 4.5.3.1.1 to 4.5.3.1.3.
constexpr std::size_t kLocalOctets = 64;
constexpr std::size_t kDomainOctets = 255;
constexpr std::size_t kPathOctets = 256;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_alnum(char c) {
  return is_alpha(c) || is_digit(c);
}
bool is_high(char c) {
  return (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool is_atext(char c) {
  return is_alnum(c) || (c != '\0' && std::strchr("!#$%&'*+-/=?^_`{|}~", c) != nullptr);
}

/// How many octets a UTF-8 sequence has that begins with `first` (beyond ASCII); 0: none does.
std::size_t utf8_size(unsigned first) {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/// RFC 3629 4: the second octet is what rules out overlong forms, surrogates and what is beyond
/// U+10FFFF.
bool is_utf8_second(unsigned first, unsigned second) {
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most;
}

/// RFC 3629: the size of the sequence beyond ASCII at the front; 0 when there is none.
std::size_t utf8_sequence(std::string_view s) {
  const auto at = [&s](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const std::size_t size = utf8_size(at(0));
  if (size == 0 || s.size() < size || !is_utf8_second(at(0), at(1))) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
  }
  return size;
}

Result<void> check_utf8(std::string_view s, bool allow) {
  for (std::size_t i = 0; i < s.size();) {
    if (!is_high(s[i])) {
      ++i;
      continue;
    }
    if (!allow) return make_error_code(Errc::needs_smtputf8);
    const std::size_t n = utf8_sequence(s.substr(i));
    if (n == 0) return make_error_code(Errc::bad_utf8);
    i += n;
  }
  return {};
}

Result<void> check_literal(std::string_view text) {
  if (text.size() < 3 || text.back() != ']') return make_error_code(Errc::bad_address_literal);
  text = text.substr(1, text.size() - 2);
  std::array<char, 64> buffer{};
  std::array<unsigned char, 16> address{};
  const bool v6 = text.size() > 5 && iequals(text.substr(0, 5), "IPv6:");
  const std::string_view ip = v6 ? text.substr(5) : text;
  if (v6 || is_digit(ip.front())) {
    // inet_pton would stop at a NUL and not see what stands behind it.
    if (ip.size() >= buffer.size() || ip.find('\0') != std::string_view::npos)
      return make_error_code(Errc::bad_address_literal);
    std::memcpy(buffer.data(), ip.data(), ip.size());
    if (inet_pton(v6 ? AF_INET6 : AF_INET, buffer.data(), address.data()) == 1) return {};
    return make_error_code(Errc::bad_address_literal);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return make_error_code(Errc::bad_address_literal);
  }
  const std::string_view tag = text.substr(0, colon);
  const bool tag_ok =
      std::all_of(tag.begin(), tag.end(), [](char c) { return is_alnum(c) || c == '-'; });
  const std::string_view rest = text.substr(colon + 1);
  const bool rest_ok = std::all_of(rest.begin(), rest.end(), [](char c) {
    return c > 32 && c < 127 && c != '[' && c != ']' && c != '\\';
  });
  if (!tag_ok || tag.back() == '-' || !rest_ok || iequals(tag, "IPv6"))
    return make_error_code(Errc::bad_address_literal);
  return {};
}

Result<void> check_name(std::string_view domain, bool underscore) {
  std::size_t label = 0;
  char before = '.';
  for (const char c : domain) {
    if (c == '.') {
      if (label == 0 || before == '-') return make_error_code(Errc::bad_domain);
      label = 0;
    } else {
      const bool ok =
          is_alnum(c) || is_high(c) || (c == '_' && underscore) || (c == '-' && label > 0);
      if (!ok || ++label > 63) return make_error_code(Errc::bad_domain);
    }
    before = c;
  }
  if (label == 0 || before == '-') return make_error_code(Errc::bad_domain);
  return {};
}

/// RFC 5321 4.1.2 Quoted-string at the front of `s`: its length with the quotes, or the error.
Result<std::size_t> scan_quoted(std::string_view s) {
  for (std::size_t i = 1; i < s.size(); ++i) {
    if (s[i] == '"') return i + 1;
    if (s[i] == '\\' && i + 1 < s.size()) ++i;
    if (static_cast<unsigned char>(s[i]) < 32 || s[i] == 127) break;
  }
  return make_error_code(Errc::bad_local_part);
}

/// Length of the local part at the front of `s`, or the error.
Result<std::size_t> scan_local(std::string_view s) {
  if (s.starts_with('"')) return scan_quoted(s);
  std::size_t i = 0;
  char before = '.';
  for (; i < s.size(); ++i) {
    const char c = s[i];
    const bool fits = c == '.' ? before != '.' : is_atext(c) || is_high(c);
    if (!fits) break;
    before = c;
  }
  // Empty, a dot at either end, or two in a row.
  if (before == '.') return make_error_code(Errc::bad_local_part);
  return i;
}

/// `@a,@b:` at the front of `s`: its length with the colon, 0 when there is none.
Result<std::size_t> scan_source_route(std::string_view s, bool allow_utf8) {
  if (s.empty() || s[0] != '@') return std::size_t{0};
  const std::size_t colon = s.find(':');
  if (colon == std::string_view::npos) return make_error_code(Errc::bad_source_route);
  std::string_view route = s.substr(0, colon);
  while (!route.empty()) {
    const std::size_t comma = route.find(',');
    const std::string_view hop = route.substr(0, comma);
    if (hop.size() < 2 || hop[0] != '@' || !validate_domain(hop.substr(1), allow_utf8)) {
      return make_error_code(Errc::bad_source_route);
    }
    if (comma == std::string_view::npos) break;
    route.remove_prefix(comma + 1);
    if (route.empty()) return make_error_code(Errc::bad_source_route);
  }
  return colon + 1;
}

/// Where the domain behind `@` ends: at `>` (outside a literal's brackets).
std::size_t domain_length(std::string_view s) {
  const std::size_t from = !s.empty() && s[0] == '[' ? s.find(']') : 0;
  if (from == std::string_view::npos) return s.size();
  const std::size_t end = s.find_first_of("> ", from);
  return end == std::string_view::npos ? s.size() : end;
}

/// Takes `@domain` off the front of `s`. Without one: empty behind Postmaster, else the error.
Result<std::string_view> take_domain(std::string_view& s, std::string_view local, bool allow_utf8) {
  if (!s.starts_with('@')) {
    const bool ends = s.starts_with('>');
    if (ends && !iequals(local, "postmaster")) return make_error_code(Errc::bad_domain);
    return std::string_view();
  }
  s.remove_prefix(1);
  std::string_view domain = s.substr(0, domain_length(s));
  s.remove_prefix(domain.size());
  if (domain.size() > 1 && domain.back() == '.') domain.remove_suffix(1);
  const Result<void> valid = validate_domain(domain, allow_utf8);
  if (!valid) return valid.error();
  return domain;
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a == b) return true;  // names are nearly always written as they are in the config
  return std::equal(
      a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

Mailbox::Mailbox(std::string_view local, std::string_view domain) : local_size_(local.size()) {
  text_.reserve(local.size() + 1 + domain.size());
  text_ = local;
  if (!domain.empty()) {
    text_ += '@';
    text_ += domain;
  }
}

std::string_view Mailbox::domain() const {
  return has_domain() ? std::string_view(text_).substr(local_size_ + 1) : std::string_view();
}

Result<Mailbox> Mailbox::parse(std::string_view text) {
  std::string bracketed = "<";
  bracketed += text;
  bracketed += '>';
  const Result<ParsedPath> parsed = parse_path(bracketed, true);
  if (!parsed) return parsed.error();
  if (parsed->path.is_null) return make_error_code(Errc::empty_path);
  if (parsed->path.had_source_route) return make_error_code(Errc::bad_source_route);
  if (!parsed->rest.empty()) return make_error_code(Errc::bad_domain);
  return Mailbox(parsed->path);
}

Result<ParsedPath> parse_path(std::string_view input, bool allow_utf8) {
  if (input.empty() || input[0] != '<') return make_error_code(Errc::missing_brackets);
  ParsedPath out;
  std::string_view s = input.substr(1);
  if (!s.empty() && s[0] == '>') {
    out.path.is_null = true;
    out.rest = s.substr(1);
    return out;
  }
  const Result<std::size_t> route = scan_source_route(s, allow_utf8);
  if (!route) return route.error();
  out.path.had_source_route = *route > 0;
  s.remove_prefix(*route);
  const Result<std::size_t> local = scan_local(s);
  if (!local) return local.error();
  out.path.local = s.substr(0, *local);
  s.remove_prefix(*local);
  if (out.path.local.size() > kLocalOctets) return make_error_code(Errc::local_part_too_long);
  if (s.empty()) return make_error_code(Errc::missing_brackets);
  const Result<std::string_view> domain = take_domain(s, out.path.local, allow_utf8);
  if (!domain) return domain.error();
  out.path.domain = *domain;
  if (s.empty() || s[0] != '>')
    return make_error_code(s.empty() ? Errc::missing_brackets : Errc::bad_local_part);
  out.rest = s.substr(1);
  // A source route is dropped, so that it does not count.
  if (input.size() - out.rest.size() - *route > kPathOctets) {
    return make_error_code(Errc::path_too_long);
  }
  const Result<void> utf8 = check_utf8(out.path.local, allow_utf8);
  if (!utf8) return utf8.error();
  return out;
}

bool is_valid_helo_domain(std::string_view text) {
  if (text.empty() || text.size() > kDomainOctets) return false;
  if (text.front() == '[') return check_literal(text).has_value();
  if (text.back() == '.') text.remove_suffix(1);
  return check_name(text, true).has_value() && check_utf8(text, true).has_value();
}

Result<void> validate_domain(std::string_view domain, bool allow_utf8) {
  if (domain.empty()) return make_error_code(Errc::bad_domain);
  if (domain.size() > kDomainOctets) return make_error_code(Errc::domain_too_long);
  if (domain.front() == '[') return check_literal(domain);
  const Result<void> utf8 = check_utf8(domain, allow_utf8);
  if (!utf8) return utf8;
  return check_name(domain, true);
}

}  // namespace postern::smtp
