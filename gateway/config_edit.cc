// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_edit.h"

#include "gateway/config_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace postern::gateway {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

/// Where a line and column of the parser are in the text. The parser counts characters, the text
/// has octets; kNowhere: not inside.
std::size_t offset_of(std::string_view text, unsigned line, unsigned column) {
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  for (unsigned i = 1; i < line; ++i) {
    at = text.find('\n', at);
    if (at == kNowhere) return kNowhere;
    ++at;
  }
  for (unsigned i = 1; i < column; ++i) {
    if (at >= text.size()) return kNowhere;
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
      ++at;
  }
  return at < text.size() ? at : kNowhere;
}

/// A text value with its quotes.
struct Token {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string quotes;
};

/// The text value that begins here: "...", '...', or three of either.
std::optional<Token> token_at(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return std::nullopt;
  const char quote = text[at];
  const bool three = text.substr(at, 3) == std::string(3, quote);
  Token out{at, 0, std::string(three ? 3 : 1, quote)};
  for (std::size_t i = at + out.quotes.size(); i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text.substr(i, out.quotes.size()) == out.quotes) {
      out.end = i + out.quotes.size();
      // Up to two quotes more belong to a value in three of them.
      while (three && out.end < text.size() && text[out.end] == quote)
        ++out.end;
      return out;
    }
  }
  return std::nullopt;
}

bool same_value(const Node& a, const Node& b) {
  const auto same_member = [](const Member& m, const Member& n) {
    return m.key == n.key && same_value(m.value, n.value);
  };
  return a.kind == b.kind && a.boolean == b.boolean && a.integer == b.integer &&
         a.string == b.string &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_value) &&
         std::equal(
             a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same_member);
}

/// The table of the wave; a mistake where it is not one.
Parsed<Node*> find_wave(Node& root, const std::string& name) {
  Node* found = nullptr;
  std::vector<std::string> names;
  for (Member& member : root.members) {
    if (member.key != "wave") continue;
    for (Node& wave : member.value.items) {
      const Node* its_name = wave.find("name");
      if (its_name == nullptr || its_name->kind != Node::Kind::string) continue;
      names.push_back(its_name->string);
      if (its_name->string != name) continue;
      if (found != nullptr) return Mistake{fmt::format("the wave \"{}\" is there twice", name)};
      found = &wave;
    }
  }
  if (found != nullptr) return found;
  if (names.empty()) return Mistake{"the config has no [[wave]]"};
  return Mistake{fmt::format("there is no wave \"{}\"; write one of {}", name, quoted_list(names))};
}

/// What `root` is when the change is made.
void set_state(Node& wave, const std::string& word) {
  Node value;
  value.kind = Node::Kind::string;
  value.string = word;
  for (Member& member : wave.members) {
    if (member.key != "state") continue;
    member.value = value;
    return;
  }
  const auto behind = std::find_if(wave.members.begin(),
                                   wave.members.end(),
                                   [](const Member& member) { return member.key > "state"; });
  wave.members.insert(behind, Member{"state", 0, 0, value});
}

/// A new member behind the name: on a line of its own, or in the same inline table.
std::optional<std::string> with_member(std::string_view text,
                                       const Node& wave,
                                       const std::string& word) {
  const Node* name = wave.find("name");
  const std::optional<Token> token = token_at(text, offset_of(text, name->line, name->column));
  const std::size_t table = offset_of(text, wave.line, wave.column);
  if (!token || table == kNowhere) return std::nullopt;
  std::string out(text);
  if (text[table] == '{') return out.insert(token->end, ", state = \"" + word + "\"");
  const std::size_t end = text.find('\n', token->end);
  const std::string_view line_end = text.find("\r\n") != kNowhere ? "\r\n" : "\n";
  if (end == kNowhere) {
    return out.append(line_end).append("state = \"" + word + "\"").append(line_end);
  }
  const std::size_t begin = text.rfind('\n', name->line == 1 ? 0 : token->begin) + 1;
  const std::size_t indent = text.find_first_not_of(" \t", begin) - begin;
  return out.insert(
      end + 1,
      std::string(text.substr(begin, indent)) + "state = \"" + word + "\"" + std::string(line_end));
}

}  // namespace

Parsed<std::string> with_wave_state(std::string_view text,
                                    const std::string& name,
                                    routing::WaveState state) {
  Result<Node, Finding> root = parse_document(text, "the config");
  if (!root) return Mistake{format_text(root.error())};
  const Parsed<Node*> wave = find_wave(*root, name);
  if (!wave) return wave.error();
  const std::string word(routing::name_of(state));
  std::optional<std::string> out;
  if (const Node* old = (*wave)->find("state")) {
    const std::optional<Token> token = token_at(text, offset_of(text, old->line, old->column));
    if (token) {
      out = std::string(text);
      out->replace(token->begin, token->end - token->begin, token->quotes + word + token->quotes);
    }
  } else {
    out = with_member(text, **wave, word);
  }
  const Mistake cannot{
      fmt::format("the state of \"{}\" cannot be changed in place: change it by hand", name)};
  if (!out) return cannot;
  set_state(**wave, word);
  const Result<Node, Finding> written = parse_document(*out, "the config");
  if (!written || !same_value(*written, *root)) return cannot;
  return *out;
}

}  // namespace postern::gateway
