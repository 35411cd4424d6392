// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace postern::directories {
namespace {

using Kind = Setting::Kind;

constexpr unsigned kDeepest = 8;  ///< combinations in each other: what a reader still follows
constexpr std::array<std::pair<std::string_view, Kind>, 6> kSchemes{
    {{"file:", Kind::file},
     {"ldap:", Kind::ldap},
     {"sql:", Kind::sql},
     {"smtp:", Kind::smtp},
     {"all:", Kind::all},
     {"any:", Kind::any}}
};

bool is_combination(Kind kind) {
  return kind == Kind::all || kind == Kind::any;
}

/// What may stand in the name of a [[directory]] or a next hop inside a setting.
bool ends_item(char c) {
  return c == ' ' || c == '\t' || c == '(' || c == ')';
}

/// Recursive descent over one text.
class SettingParser {
 public:
  explicit SettingParser(std::string_view text) : text_(text) {}

  Result<Setting, SettingError> whole() {
    // A path alone may hold spaces and parentheses.
    if (text_.starts_with("file:") && text_.size() > 5) {
      return Setting{Kind::file, std::string(text_.substr(5)), {}};
    }
    Result<Setting, SettingError> out = one(0);
    if (!out || at_ == text_.size()) return out;
    if (text_[at_] == ')') return fail("\")\" closes nothing; leave it out");
    return fail("one setting ends here; write \"any:SETTING SETTING\" to ask several");
  }

 private:
  SettingError fail(std::string message) const { return SettingError{at_, std::move(message)}; }

  Result<Setting, SettingError> one(unsigned depth) {
    const std::string_view rest = text_.substr(at_);
    for (const auto& [scheme, kind] : kSchemes) {
      if (!rest.starts_with(scheme)) continue;
      at_ += scheme.size();
      return is_combination(kind) ? combination(kind, depth) : leaf(kind, scheme);
    }
    const std::size_t end = rest.find_first_of(" \t()");
    const std::string_view item = rest.substr(0, end);
    return fail(fmt::format("\"{}\" does not say what it is; write \"file:{}\"",
                            item,
                            item.starts_with('/') ? item : "/path"));
  }

  Result<Setting, SettingError> leaf(Kind kind, std::string_view scheme) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !ends_item(text_[at_]))
      ++at_;
    if (at_ == begin) {
      return fail(fmt::format("nothing follows \"{0}\"; write \"{0}{1}\"",
                              scheme,
                              kind == Kind::file ? "/path" : "NAME"));
    }
    return Setting{kind, std::string(text_.substr(begin, at_ - begin)), {}};
  }

  void skip_blank() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
  }

  /// Up to the end or the parenthesis that closes it.
  Result<Setting, SettingError> combination(Kind kind, unsigned depth) {
    if (depth == kDeepest) return fail("too many combinations are in each other; write fewer");
    Setting out{kind, {}, {}};
    for (skip_blank(); at_ < text_.size() && text_[at_] != ')'; skip_blank()) {
      Result<Setting, SettingError> part = item(depth + 1);
      if (!part) return part.error();
      out.parts.push_back(std::move(*part));
    }
    if (out.parts.empty()) {
      return fail("this combination is empty; write settings behind it, with spaces between");
    }
    return out;
  }

  Result<Setting, SettingError> item(unsigned depth) {
    if (text_[at_] != '(') {
      Result<Setting, SettingError> out = one(depth);
      if (out && is_combination(out->kind)) {
        return fail("where a combination ends cannot be seen; put the inner one in parentheses");
      }
      if (out && at_ < text_.size() && text_[at_] == '(') return fail("write a space before \"(\"");
      return out;
    }
    ++at_;
    skip_blank();
    Result<Setting, SettingError> out = one(depth);
    if (!out) return out;
    skip_blank();
    if (at_ == text_.size() || text_[at_] != ')') return fail("\")\" is missing; write it here");
    ++at_;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Setting, SettingError> parse_setting(std::string_view text) {
  return SettingParser(text).whole();
}

std::string text_of(const Setting& setting) {
  std::string out;
  for (const auto& [scheme, kind] : kSchemes) {
    if (kind == setting.kind) out = scheme;
  }
  out += setting.name;
  for (std::size_t i = 0; i < setting.parts.size(); ++i) {
    if (i > 0) out += ' ';
    const bool nested = is_combination(setting.parts[i].kind);
    out += nested ? "(" + text_of(setting.parts[i]) + ")" : text_of(setting.parts[i]);
  }
  return out;
}

void for_each_leaf(const Setting& setting, const std::function<void(const Setting&)>& take) {
  if (!is_combination(setting.kind)) return take(setting);
  for (const Setting& part : setting.parts)
    for_each_leaf(part, take);
}

}  // namespace postern::directories
