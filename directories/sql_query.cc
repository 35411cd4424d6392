// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_query.h"

#include <algorithm>

namespace postern::directories {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Part of a name, so that a "$" behind it is one too.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Walks over a query and notes what is not quoted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { run(); }

  SqlQuery query;
  bool odd_number = false;     ///< $0, $4, ...
  bool quoted_number = false;  ///< '$1': the text, not the parameter
  bool braces = false;         ///< {address}
  bool unclosed = false;
  bool second_statement = false;
  bool empty = true;

 private:
  void run() {
    while (at_ < text_.size())
      step();
  }

  bool starts_with(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void step() {
    const char c = text_[at_];
    if (starts_with("--")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (starts_with("/*")) {
      comment();
    } else if (is_space(c)) {
      ++at_;
    } else if (c == ';') {
      ended_ = true;
      ++at_;
    } else {
      token(c);
    }
  }

  void token(char c) {
    empty = false;
    second_statement = second_statement || ended_;
    if (c == '\'' || c == '"') return quoted(c);
    if (c == '$') return dollar();
    if (is_word(c)) return word();
    if (starts_with("{address}") || starts_with("{local}") || starts_with("{domain}")) {
      braces = true;
    }
    ++at_;
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '$'))
      ++at_;
    const bool escapes = at_ - begin == 1 && (text_[begin] == 'E' || text_[begin] == 'e');
    if (escapes && at_ < text_.size() && text_[at_] == '\'') quoted('\'', true);
  }

  /// A doubled quote is two quoted texts side by side: the same for us.
  void quoted(char quote, bool escapes = false) {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote)
      at_ += escapes && text_[at_] == '\\' ? 2 : 1;
    const std::size_t end = std::min(at_, text_.size());
    look_inside(text_.substr(begin, end - begin));
    unclosed = unclosed || at_ >= text_.size();
    at_ = std::min(at_ + 1, text_.size());
  }

  void look_inside(std::string_view inside) {
    for (const std::string_view number : {"$1", "$2", "$3"})
      quoted_number = quoted_number || inside.find(number) != std::string_view::npos;
    for (const std::string_view name : {"{address}", "{local}", "{domain}"})
      braces = braces || inside.find(name) != std::string_view::npos;
  }

  /// Comments nest, unlike C's.
  void comment() {
    std::size_t depth = 0;
    do {
      if (starts_with("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts_with("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    unclosed = unclosed || depth > 0;
  }

  void dollar() {
    const std::size_t begin = at_++;
    if (at_ < text_.size() && is_digit(text_[at_])) return parameter();
    while (at_ < text_.size() && is_word(text_[at_]))
      ++at_;
    if (at_ >= text_.size() || text_[at_] != '$') return;
    const std::string_view tag = text_.substr(begin, ++at_ - begin);
    const std::size_t end = text_.find(tag, at_);
    look_inside(text_.substr(at_, end == std::string_view::npos ? end : end - at_));
    unclosed = unclosed || end == std::string_view::npos;
    at_ = end == std::string_view::npos ? text_.size() : end + tag.size();
  }

  void parameter() {
    std::size_t number = 0;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      number =
          std::min<std::size_t>(number * 10 + static_cast<std::size_t>(text_[at_] - '0'), 1000);
      ++at_;
    }
    if (number == 0 || number > kSqlParameters) {
      odd_number = true;
      return;
    }
    query.uses[number - 1] = true;
    query.parameters = std::max(query.parameters, number);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace

std::optional<std::string> find_query_fault(std::string_view query) {
  constexpr std::string_view kWrite =
      ": write SELECT 1 FROM mailboxes WHERE address = $1 ($1 is the address, $2 its local part, "
      "$3 its domain)";
  const auto fault = [&](std::string_view what) { return std::string(what).append(kWrite); };
  if (query.find('\0') != std::string_view::npos) return fault("the query holds a NUL");
  const Scanner found(query);
  if (found.empty) return fault("the query is empty");
  if (found.unclosed) return fault("a quote or comment in the query is not closed");
  if (found.second_statement) return fault("the query is more than one statement");
  if (found.odd_number) return fault("the query has a parameter that is none of $1, $2, $3");
  if (found.braces) return fault("the query has {address} where SQL wants $1");
  if (found.query.parameters == 0 && found.quoted_number) {
    return fault("the query has its parameter in quotes, where it is a text");
  }
  if (found.query.parameters == 0) return fault("the query does not ask for the address");
  return std::nullopt;
}

SqlQuery read_query(std::string_view query) {
  return Scanner(query).query;
}

}  // namespace postern::directories
