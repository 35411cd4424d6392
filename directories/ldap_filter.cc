// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_filter.h"

#include "base/printable.h"

#include <fmt/format.h>

namespace postern::directories {
namespace {

constexpr int kDeepest = 64;  // the parser calls itself

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_key_character(char c) {
  return is_letter(c) || is_digit(c) || c == '-';
}

/// keystring or numericoid of RFC 4512 1.4.
bool is_oid(std::string_view text) {
  if (text.empty() || text.back() == '.') return false;
  const bool numeric = is_digit(text.front());
  if (!numeric && !is_letter(text.front())) return false;
  char before = '.';
  for (const char c : text) {
    if (numeric ? !(is_digit(c) || (c == '.' && before != '.')) : !is_key_character(c))
      return false;
    before = c;
  }
  return true;
}

}  // namespace

bool is_ldap_attribute(std::string_view text) {
  const std::size_t end = text.find(';');
  if (!is_oid(text.substr(0, end))) return false;
  while (end != std::string_view::npos && text.find(';') != std::string_view::npos) {
    text.remove_prefix(text.find(';') + 1);
    const std::string_view option = text.substr(0, text.find(';'));
    if (option.empty()) return false;
    for (const char c : option) {
      if (!is_key_character(c)) return false;
    }
  }
  return true;
}

std::string escape_filter_value(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    const bool plain = c >= ' ' && c <= '~' && c != '*' && c != '(' && c != ')' && c != '\\' &&
                       c != '{' && c != '}';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// Recursive descent over RFC 4515 section 3. On an error `error_` is set and everything returns
/// false.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) { out_.pieces_.emplace_back(); }

  Result<LdapFilter, FilterError> run() {
    skip_blanks();
    if (at_ == text_.size()) {
      fail(at_, "the filter is empty: write one such as \"(mail={address})\"");
      return error_;
    }
    if (!filter(0)) return error_;
    skip_blanks();
    if (at_ != text_.size()) {
      fail(at_, "text behind the filter's last \")\": join several with (&(...)(...))");
      return error_;
    }
    return std::move(out_);
  }

 private:
  bool fail(std::size_t position, std::string sentence) {
    error_ = FilterError{position, std::move(sentence)};
    return false;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n')
      ++at_;
  }
  void put(char c) { out_.pieces_.back().literal += c; }

  bool filter(int depth) {
    if (depth > kDeepest) return fail(at_, "too many parentheses inside each other");
    if (peek() != '(') return fail(at_, "a filter begins with \"(\"");
    put(text_[at_++]);
    skip_blanks();
    const char kind = peek();
    if (kind == '&' || kind == '|' || kind == '!') {
      put(text_[at_++]);
      if (!list(depth, kind == '!')) return false;
    } else if (!item()) {
      return false;
    }
    if (peek() != ')') return fail(at_, "\")\" is missing");
    put(text_[at_++]);
    return true;
  }

  bool list(int depth, bool just_one) {
    skip_blanks();
    do {
      if (!filter(depth + 1)) return false;
      skip_blanks();
    } while (!just_one && peek() == '(');
    return true;
  }

  /// attribute, one of = ~= >= <= :=, value.
  bool item() {
    const std::size_t begin = at_;
    const std::size_t equals = text_.find('=', begin);
    const std::size_t parenthesis = text_.find_first_of("()", begin);
    if (equals == std::string_view::npos || equals > parenthesis) {
      return fail(begin, "here an attribute, \"=\" and a value belong, as in (mail={address})");
    }
    std::string_view name = text_.substr(begin, equals - begin);
    const char before = name.empty() ? '\0' : name.back();
    const bool extensible = before == ':';
    const bool compares = before == '~' || before == '>' || before == '<';
    if (extensible || compares) name.remove_suffix(1);
    if (name.find('{') != std::string_view::npos) {
      return fail(begin + name.find('{'), "a placeholder stands in a value, behind \"=\"");
    }
    if (extensible ? !is_extensible(name) : !is_ldap_attribute(name)) {
      return fail(begin, fmt::format("\"{}\" is no attribute", printable(name, 60)));
    }
    for (; at_ <= equals; ++at_)
      put(text_[at_]);
    return value(!extensible && !compares);
  }

  /// [attribute][":dn"][":" rule], such as memberOf:1.2.840.113556.1.4.1941.
  static bool is_extensible(std::string_view name) {
    const std::size_t first = name.find(':');
    const std::string_view attribute = name.substr(0, first);
    if (!attribute.empty() && !is_ldap_attribute(attribute)) return false;
    if (first == std::string_view::npos) return !attribute.empty();
    std::string_view rest = name.substr(first + 1);
    if (rest == "dn") return !attribute.empty();
    if (rest.starts_with("dn:")) rest.remove_prefix(3);
    return is_oid(rest);
  }

  bool value(bool stars_allowed) {
    bool after_star = false;
    while (at_ < text_.size() && peek() != ')') {
      const char c = peek();
      if (c == '\0') return fail(at_, "a NUL is written \\00");
      if (c == '(')
        return fail(at_, "\")\" is missing before this; in a value \"(\" is written \\28");
      if (c == '*' && !stars_allowed)
        return fail(at_, "\"*\" goes with \"=\" only; as itself it is written \\2a");
      // RFC 4515 has it, libldap does not take it.
      if (c == '*' && after_star) return fail(at_, "one \"*\" is enough");
      after_star = c == '*';
      if (c == '{') {
        if (!placeholder()) return false;
        continue;
      }
      if (c == '\\') {
        if (at_ + 2 >= text_.size() || !is_hex(text_[at_ + 1]) || !is_hex(text_[at_ + 2])) {
          return fail(at_, "\"\\\" needs two hexadecimal digits; as itself it is written \\5c");
        }
        put(text_[at_++]);
        put(text_[at_++]);
      }
      put(text_[at_++]);
    }
    return true;
  }

  bool placeholder() {
    const std::size_t end = text_.find('}', at_);
    const std::string_view name =
        end == std::string_view::npos ? "" : text_.substr(at_, end + 1 - at_);
    LdapFilter::Slot slot = LdapFilter::Slot::none;
    if (name == "{address}") slot = LdapFilter::Slot::address;
    if (name == "{local}") slot = LdapFilter::Slot::local;
    if (name == "{domain}") slot = LdapFilter::Slot::domain;
    if (slot == LdapFilter::Slot::none) {
      return fail(at_,
                  "no such placeholder: there are {address}, {local} and {domain}; \"{\" as itself "
                  "is written \\7b");
    }
    out_.pieces_.back().then = slot;
    out_.pieces_.emplace_back();
    at_ = end + 1;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  LdapFilter out_;
  FilterError error_;
};

Result<LdapFilter, FilterError> LdapFilter::parse(std::string_view text) {
  return FilterParser(text).run();
}

std::string LdapFilter::text_for(const FilterValues& values) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.literal;
    if (piece.then == Slot::address) out += escape_filter_value(values.address);
    if (piece.then == Slot::local) out += escape_filter_value(values.local);
    if (piece.then == Slot::domain) out += escape_filter_value(values.domain);
  }
  return out;
}

Result<void, FilterError> check_filter(std::string_view text) {
  const auto filter = LdapFilter::parse(text);
  if (!filter) return filter.error();
  return {};
}

}  // namespace postern::directories
