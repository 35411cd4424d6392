// SPDX-License-Identifier: Apache-2.0
#include "routing/policy/protocol.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace postern::routing {
namespace {

constexpr std::size_t kMostVerb = 40;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The first word of `text`, taken off together with the spaces around it.
std::string_view take_word(std::string_view& text) {
  const auto skip = [&text] {
    const std::size_t at = text.find_first_not_of(" \t");
    text.remove_prefix(at == std::string_view::npos ? text.size() : at);
  };
  skip();
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  skip();
  return word;
}

/// What a client may be shown of a server's text.
std::string plain(std::string_view text, std::size_t limit) {
  std::string ascii(text);
  std::replace_if(
      ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7E; }, '?');
  return printable(ascii, limit);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// "5.7.1" at the beginning of `text`, of the class of `code`; taken off.
std::optional<smtp::EnhancedStatus> take_status(std::string_view& text, int code) {
  std::string_view rest = text;
  const std::string_view word = take_word(rest);
  std::array<unsigned, 3> numbers{};
  std::size_t part = 0;
  std::size_t digits = 0;
  for (const char c : word) {
    if (c == '.') {
      if (digits == 0 || ++part == numbers.size()) return std::nullopt;
      digits = 0;
    } else if (is_digit(c) && ++digits <= 3) {
      numbers.at(part) = numbers.at(part) * 10 + static_cast<unsigned>(c - '0');
    } else {
      return std::nullopt;
    }
  }
  if (part != 2 || digits == 0 || numbers[0] != static_cast<unsigned>(code / 100)) {
    return std::nullopt;
  }
  text = rest;
  return smtp::EnhancedStatus{static_cast<std::uint16_t>(numbers[0]),
                              static_cast<std::uint16_t>(numbers[1]),
                              static_cast<std::uint16_t>(numbers[2])};
}

smtp::Reply reply_of(int code, std::string_view text) {
  const bool permanent = code >= 500;
  const std::optional<smtp::EnhancedStatus> said = take_status(text, code);
  const smtp::EnhancedStatus status =
      said.value_or(smtp::EnhancedStatus{static_cast<std::uint16_t>(code / 100), 7, 1});
  std::string shown = plain(text, kMostPolicyText);
  if (shown.empty()) {
    shown = permanent ? "refused by policy" : "deferred by policy; try again later";
  }
  return smtp::Reply(code, status, Text(std::move(shown)));
}

/// The code of "450 text" and "554 text". 421 and 521 end a session, which no recipient does; a
/// code that SMTP does not have becomes the usual one of its class.
std::optional<int> code_of(std::string_view word) {
  if (word.size() != 3 || !std::all_of(word.begin(), word.end(), is_digit)) return std::nullopt;
  const int code = (word[0] - '0') * 100 + (word[1] - '0') * 10 + (word[2] - '0');
  const int klass = code / 100;
  if (klass != 4 && klass != 5) return std::nullopt;
  const bool is_usual = word[1] <= '5' && code != 421 && code != 521;
  return is_usual ? code : klass * 100 + 50;
}

struct Verb {
  std::string_view name;
  PolicyAction action = PolicyAction::none;
  int code = 0;  ///< as access(5) has it
};

constexpr std::array<Verb, 9> kVerbs{
    {
     {"DUNNO", PolicyAction::none},
     {"OK", PolicyAction::ok},
     {"REJECT", PolicyAction::reject, 554},
     {"DEFER", PolicyAction::defer, 450},
     {"DEFER_IF_PERMIT", PolicyAction::defer_if_permit, 450},
     {"DEFER_IF_REJECT", PolicyAction::defer_if_reject, 450},
     {"DISCARD", PolicyAction::discard},
     {"WARN", PolicyAction::told},
     {"INFO", PolicyAction::told},
     }
};

PolicyAnswer answer_of(std::string_view value) {
  std::string_view rest = value;
  const std::string_view word = take_word(rest);
  PolicyAnswer out;
  out.verb = plain(upper(word.substr(0, kMostVerb)), kMostVerb);
  out.text = plain(rest, kMostPolicyText);
  if (const std::optional<int> code = code_of(word)) {
    out.action = *code >= 500 ? PolicyAction::reject : PolicyAction::defer;
    out.reply = reply_of(*code, rest);
    return out;
  }
  // access(5): all digits, and none of the above, is OK.
  if (std::all_of(word.begin(), word.end(), is_digit)) {
    out.action = PolicyAction::ok;
    return out;
  }
  out.action = PolicyAction::unsupported;
  const auto* const verb =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& v) { return v.name == out.verb; });
  if (verb == kVerbs.end()) return out;
  out.action = verb->action;
  if (verb->code != 0) out.reply = reply_of(verb->code, rest);
  return out;
}

}  // namespace

PolicyQuestion& PolicyQuestion::add(std::string_view name, std::string_view value) {
  text_.append(name);
  text_.push_back('=');
  for (const char c : value.substr(0, kMostValue)) {
    const auto octet = static_cast<unsigned char>(c);
    text_.push_back(octet < 0x20 || octet == 0x7F ? '?' : c);
  }
  text_.push_back('\n');
  return *this;
}

PolicyQuestion& PolicyQuestion::add(std::string_view name, std::uint64_t value) {
  return add(name, fmt::format("{}", value));
}

std::string PolicyQuestion::finish() && {
  text_.push_back('\n');
  return std::move(text_);
}

std::size_t policy_answer_end(std::string_view octets) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = octets.find('\n', begin);
    if (end == std::string_view::npos) return end;
    const std::string_view line = octets.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || line == "\r") return begin;
  }
}

Result<PolicyAnswer, std::string> parse_policy_answer(std::string_view answer) {
  std::optional<std::string_view> action;
  while (!answer.empty()) {
    std::string_view line = answer.substr(0, answer.find('\n'));
    answer.remove_prefix(std::min(line.size() + 1, answer.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return fmt::format("\"{}\" is no line of an answer", printable(line, 60));
    }
    if (line.substr(0, equals) == "action") action = line.substr(equals + 1);
  }
  if (!action) return std::string("an answer without an action");
  if (action->find_first_not_of(" \t") == std::string_view::npos) {
    return std::string("an answer with an empty action");
  }
  return answer_of(*action);
}

}  // namespace postern::routing
