// SPDX-License-Identifier: Apache-2.0
#include "smtp/address.h"

#include "smtp/text_rules.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>

namespace postern::smtp {
namespace {

// RFC 5321 4.5.3.1.1 to 4.5.3.1.3, RFC 1035 2.3.4.
constexpr std::size_t kLocalPartOctets = 64;
constexpr std::size_t kDomainOctets = 255;
constexpr std::size_t kPathOctets = 256;
constexpr std::size_t kLabelOctets = 63;

/// Dot-string (RFC 5321 4.1.2) at the start of `input`; its length, or 0 when there is none.
std::size_t dot_string(std::string_view input) {
  std::size_t at = 0;
  bool atom_begun = false;
  for (; at < input.size(); ++at) {
    const char c = input[at];
    if (is_atext(c)) {
      atom_begun = true;
    } else if (c == '.' && atom_begun) {
      atom_begun = false;
    } else {
      break;
    }
  }
  return atom_begun ? at : 0;
}

/// Quoted-string (RFC 5321 4.1.2) with its quotes; its length, or 0 when it is none.
std::size_t quoted_string(std::string_view input) {
  for (std::size_t at = 1; at < input.size(); ++at) {
    const char c = input[at];
    if (c == '"') return at + 1;
    if (is_control(c)) return 0;
    if (c == '\\') {
      ++at;
      // quoted-pairSMTP is ASCII alone, also where qtext may be UTF-8 (RFC 6531 3.3).
      if (at == input.size() || is_control(input[at]) || is_8bit(input[at])) return 0;
    }
  }
  return 0;
}

Result<void> check_utf8(std::string_view text, bool allow_utf8) {
  if (!has_8bit(text)) return {};
  if (!allow_utf8) return make_error_code(Errc::needs_smtputf8);
  if (!is_utf8(text)) return make_error_code(Errc::bad_utf8);
  return {};
}

/// The local part at the start of `input`: its length.
Result<std::size_t> local_part(std::string_view input, bool allow_utf8) {
  const bool quoted = !input.empty() && input.front() == '"';
  const std::size_t size = quoted ? quoted_string(input) : dot_string(input);
  if (size == 0) return make_error_code(Errc::bad_local_part);
  const Result<void> octets = check_utf8(input.substr(0, size), allow_utf8);
  if (!octets) return octets.error();
  if (size > kLocalPartOctets) return make_error_code(Errc::local_part_too_long);
  return size;
}

/// inet_pton wants a NUL at the end; the text is copied to the stack.
bool is_ip(int family, std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN + 1> copy{};
  if (text.size() >= copy.size()) return false;
  std::memcpy(copy.data(), text.data(), text.size());
  in6_addr unused{};
  return inet_pton(family, copy.data(), &unused) == 1;
}

/// Snum 3("." Snum): RFC 5321 allows leading zeros, which inet_pton does not.
bool is_ipv4(std::string_view text) {
  int groups = 0;
  for (std::size_t at = 0;; ++at) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
      if (digits == 3) return false;
    }
    if (digits == 0 || value > 255) return false;
    ++groups;
    if (at == text.size()) return groups == 4;
    if (text[at] != '.' || groups == 4) return false;
  }
}

/// Standardized-tag ":" 1*dcontent (RFC 5321 4.1.3). IPv6 is the only tag that is registered.
bool is_general_literal(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const std::string_view tag = text.substr(0, colon);
  for (const char c : tag) {
    if (!is_alnum(c) && c != '-') return false;
  }
  if (tag.back() == '-') return false;
  for (const char c : text.substr(colon + 1)) {
    if (c < 33 || c > 126 || c == '[' || c == '\\' || c == ']') return false;
  }
  return true;
}

bool is_address_literal(std::string_view bracketed) {
  if (bracketed.size() < 3 || bracketed.back() != ']') return false;
  const std::string_view inner = bracketed.substr(1, bracketed.size() - 2);
  constexpr std::string_view kIpv6 = "IPv6:";
  if (inner.size() > kIpv6.size() && iequals(inner.substr(0, kIpv6.size()), kIpv6)) {
    return is_ip(AF_INET6, inner.substr(kIpv6.size()));
  }
  return is_ipv4(inner) || is_general_literal(inner);
}

/// Let-dig [Ldh-str]; an underscore counts as a letter, since real hosts have it. With SMTPUTF8 a
/// U-label (RFC 6531 3.3), whose octets were checked before.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelOctets) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if (!is_alnum(c) && c != '-' && c != '_' && !is_8bit(c)) return false;
  }
  return true;
}

bool is_domain_name(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// How far a domain or an address literal reaches: up to what can stand behind it in a path.
std::size_t domain_extent(std::string_view input) {
  if (!input.empty() && input.front() == '[') {
    const std::size_t close = input.find(']');
    return close == std::string_view::npos ? input.size() : close + 1;
  }
  return std::min(input.find_first_of(">,: "), input.size());
}

std::string_view without_trailing_dot(std::string_view domain) {
  if (domain.size() > 1 && domain.back() == '.') domain.remove_suffix(1);
  return domain;
}

/// "@a,@b:" at the start of `input`: its length with the colon.
Result<std::size_t> source_route(std::string_view input, bool allow_utf8) {
  std::size_t at = 0;
  for (;;) {
    if (at == input.size() || input[at] != '@') return make_error_code(Errc::bad_source_route);
    ++at;
    const std::size_t extent = domain_extent(input.substr(at));
    const Result<void> valid =
        validate_domain(without_trailing_dot(input.substr(at, extent)), allow_utf8);
    if (!valid) return make_error_code(Errc::bad_source_route);
    at += extent;
    if (at == input.size()) return make_error_code(Errc::bad_source_route);
    const char behind = input[at++];
    if (behind == ':') return at;
    if (behind != ',') return make_error_code(Errc::bad_source_route);
  }
}

/// Local-part "@" domain at the start of `input`; its length goes to `size`.
Result<PathView> mailbox_at(std::string_view input, bool allow_utf8, std::size_t& size) {
  const Result<std::size_t> local = local_part(input, allow_utf8);
  if (!local) return local.error();
  PathView path;
  path.local = input.substr(0, *local);
  std::string_view rest = input.substr(*local);
  if (rest.empty() || rest.front() != '@') {
    // Nothing but Postmaster may do without a domain (RFC 5321 4.1.1.3).
    const bool postmaster = iequals(path.local, "postmaster");
    if (!postmaster) {
      return make_error_code(rest.empty() || rest.front() == '>' ? Errc::bad_domain
                                                                 : Errc::bad_local_part);
    }
    size = *local;
    return path;
  }
  rest.remove_prefix(1);
  const std::size_t extent = domain_extent(rest);
  path.domain = without_trailing_dot(rest.substr(0, extent));
  const Result<void> domain = validate_domain(path.domain, allow_utf8);
  if (!domain) return domain.error();
  size = *local + 1 + extent;
  return path;
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

Mailbox::Mailbox(std::string_view local, std::string_view domain) : local_size_(local.size()) {
  text_.reserve(local.size() + 1 + domain.size());
  text_ = local;
  if (!domain.empty()) {
    text_ += '@';
    text_ += domain;
  }
}

Result<Mailbox> Mailbox::parse(std::string_view text) {
  std::size_t size = 0;
  const Result<PathView> path = mailbox_at(text, true, size);
  if (!path) return path.error();
  if (path->domain.empty() || size != text.size()) return make_error_code(Errc::bad_domain);
  return Mailbox(*path);
}

std::string_view Mailbox::domain() const {
  return has_domain() ? std::string_view(text_).substr(local_size_ + 1) : std::string_view();
}

Result<void> validate_domain(std::string_view domain, bool allow_utf8) {
  if (domain.empty()) return make_error_code(Errc::bad_domain);
  if (domain.size() > kDomainOctets) return make_error_code(Errc::domain_too_long);
  if (domain.front() == '[') {
    if (!is_address_literal(domain)) return make_error_code(Errc::bad_address_literal);
    return {};
  }
  const Result<void> octets = check_utf8(domain, allow_utf8);
  if (!octets) return octets.error();
  if (!is_domain_name(domain)) return make_error_code(Errc::bad_domain);
  return {};
}

bool is_valid_helo_domain(std::string_view text) {
  return bool(validate_domain(without_trailing_dot(text), false));
}

Result<ParsedPath> parse_path(std::string_view input, bool allow_utf8) {
  if (input.empty() || input.front() != '<') return make_error_code(Errc::missing_brackets);
  ParsedPath parsed;
  std::size_t at = 1;
  if (input.size() > 1 && input[1] == '>') {
    parsed.path.is_null = true;
  } else {
    bool routed = false;
    if (input.size() > 1 && input[1] == '@') {
      const Result<std::size_t> route = source_route(input.substr(1), allow_utf8);
      if (!route) return route.error();
      at += *route;
      routed = true;
    }
    std::size_t size = 0;
    const Result<PathView> path = mailbox_at(input.substr(at), allow_utf8, size);
    if (!path) return path.error();
    parsed.path = *path;
    parsed.path.had_source_route = routed;
    at += size;
  }
  if (at == input.size() || input[at] != '>') return make_error_code(Errc::missing_brackets);
  if (at + 1 > kPathOctets) return make_error_code(Errc::path_too_long);
  parsed.rest = input.substr(at + 1);
  return parsed;
}

}  // namespace postern::smtp
