// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/words.h"

#include "mailtools/send/violations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

namespace postern::send {
namespace {

using Takes = Word::Takes;

/// Options of swaks that are not taken, and what to write instead.
struct Refused {
  std::string_view name;
  std::string_view instead;
};
constexpr Refused kRefused[] = {
    {"pipe",                        "write --server; a program's standard input is not spoken to"},
    {"socket",                      "write --server; UNIX sockets are not spoken to"             },
    {"config",                      "write the options themselves"                               },
    {"prdr",                        "leave it out; PRDR is not spoken"                           },
    {"dump-as-body",                "write --dump, or --body with what you want"                 },
    {"dab",                         "write --dump, or --body with what you want"                 },
    {"dump-as-body-shows-password", "leave it out; passwords are never shown"                    },
    {"dabsp",                       "leave it out; passwords are never shown"                    },
    {"auth-extra",                  "leave it out; PLAIN, LOGIN and SCRAM need nothing more"     },
    {"ae",                          "leave it out; PLAIN, LOGIN and SCRAM need nothing more"     },
    {"auth-map",                    "write the mechanism's own name behind --auth"               },
    {"am",                          "write the mechanism's own name behind --auth"               },
    {"support",                     "leave it out; everything in --help is there"                },
    {"output",                      "write > FILE 2>&1 behind the command"                       },
    {"output-file",                 "write > FILE 2>&1 behind the command"                       },
    {"output-file-stdout",          "write > FILE behind the command"                            },
    {"output-file-stderr",          "write 2> FILE behind the command"                           },
    {"force-getpwuid",              "write --from"                                               },
};

bool is_name_of(const Word& word, std::string_view name) {
  if (word.name == name) return true;
  std::string_view rest = word.others;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == name) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

const Word* find_word(std::string_view name) {
  for (const Word& word : all_words()) {
    if (is_name_of(word, name)) return &word;
  }
  return nullptr;
}

/// Levenshtein's; both are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row.back();
}

Mistake unknown(std::string_view name) {
  for (const Refused& refused : kRefused) {
    if (refused.name == name) return {fmt::format("--{}: {}", name, refused.instead)};
  }
  if (read_violation(name))
    return {fmt::format("there is no option --{0}; write --violate {0}", name)};
  const Word* nearest = nullptr;
  std::size_t best = 3;
  for (const Word& word : all_words()) {
    const std::size_t far = distance(name.substr(0, 64), word.name);
    if (far < best && far < word.name.size()) {
      best = far;
      nearest = &word;
    }
  }
  if (nearest != nullptr)
    return {fmt::format("there is no option --{}; write --{}", name, nearest->name)};
  return {fmt::format("there is no option --{}; write \"postern send --help\" for those that are",
                      name)};
}

/// "--h-Subject text", "--header-Subject text": the field's name; empty: not of this kind.
std::string_view field_name(std::string_view name) {
  for (const std::string_view prefix : {std::string_view("h-"), std::string_view("header-")}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return {};
}

/// An option as it stands there: its name, and what may stand behind "=".
struct Typed {
  std::string_view name;
  std::optional<std::string> value;
};

Typed taken_apart(std::string_view word) {
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  const std::size_t equals = word.find('=');
  if (equals == word.npos) return {word, std::nullopt};
  return {word.substr(0, equals), std::string(word.substr(equals + 1))};
}

bool is_option(std::string_view word) {
  return word.starts_with('-') && word != "-" && word != "--";
}

/// The option's value, from the next word where it is there; moves `at` over that.
Result<std::optional<std::string>, Mistake> value_of(const Word& word,
                                                     const Typed& option,
                                                     const std::vector<std::string>& typed,
                                                     std::size_t& at) {
  const bool more = at + 1 < typed.size();
  if (word.takes == Takes::nothing) {
    if (option.value) return Mistake{fmt::format("--{} takes no value; write it alone", word.name)};
    return std::optional<std::string>();
  }
  if (option.value) return option.value;
  if (word.takes == Takes::value && !more)
    return Mistake{fmt::format("--{} needs a value: {}", option.name, word.type)};
  // A value that may be left out begins with no dash, but "-" is standard input.
  if (word.takes == Takes::maybe && (!more || is_option(typed[at + 1])))
    return std::optional<std::string>();
  return std::optional<std::string>(typed[++at]);
}

}  // namespace

Result<std::vector<Given>, Mistake> read_words(const std::vector<std::string>& typed) {
  std::vector<Given> out;
  for (std::size_t at = 0; at < typed.size(); ++at) {
    if (!is_option(typed[at])) {
      // It may be a password that was meant for an option without a value.
      return Mistake{out.empty() ? "a word without an option; write --to ADDRESS --server HOST"
                                 : fmt::format("behind --{} is a word too many", out.back().name)};
    }
    const Typed option = taken_apart(typed[at]);
    const std::string_view field = field_name(option.name);
    const Word* const word = find_word(field.empty() ? option.name : "header");
    if (word == nullptr && !out.empty() && out.back().name == "ask-password") {
      return Mistake{"write --auth-password=... for a password that begins with -, or @FILE"};
    }
    if (word == nullptr) return unknown(option.name);
    const auto value = value_of(*word, option, typed, at);
    if (!value) return value.error();
    if (word->name == "auth-password" && !*value) {
      out.push_back({"ask-password", ""});
      continue;
    }
    std::string text = value->value_or(std::string(word->without));
    if (!field.empty()) text = fmt::format("{}: {}", field, text);
    out.push_back({std::string(word->name), std::move(text)});
  }
  return out;
}

}  // namespace postern::send
