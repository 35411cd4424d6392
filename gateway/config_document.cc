// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_document.h"

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace postern::gateway {
namespace {

Node convert(const toml::node& in);

void convert_table(const toml::table& in, Node& out) {
  out.kind = Node::Kind::table;
  out.members.reserve(in.size());
  for (const auto& [key, value] : in) {
    const toml::source_position at = key.source().begin;
    out.members.push_back(Member{std::string(key.str()), at.line, at.column, convert(value)});
  }
}

Node convert(const toml::node& in) {
  Node out;
  out.line = in.source().begin.line;
  out.column = in.source().begin.column;
  if (const toml::table* table = in.as_table()) {
    convert_table(*table, out);
  } else if (const toml::array* array = in.as_array()) {
    out.kind = Node::Kind::array;
    out.items.reserve(array->size());
    for (const toml::node& item : *array)
      out.items.push_back(convert(item));
  } else if (const auto* text = in.as_string()) {
    out.kind = Node::Kind::string;
    out.string = text->get();
  } else if (const auto* number = in.as_integer()) {
    out.kind = Node::Kind::integer;
    out.integer = number->get();
  } else if (const auto* flag = in.as_boolean()) {
    out.kind = Node::Kind::boolean;
    out.boolean = flag->get();
  } else {
    out.kind = in.is_floating_point() ? Node::Kind::real : Node::Kind::date;
  }
  return out;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::boolean:
      return "true or false";
    case Node::Kind::integer:
      return "a number";
    case Node::Kind::real:
      return "a number with a fraction";
    case Node::Kind::string:
      return "a text";
    case Node::Kind::date:
      return "a date or time";
    case Node::Kind::array:
      return "a list";
    case Node::Kind::table:
      break;
  }
  return "a table";
}

Result<Node, Finding> parse_document(std::string_view text, const std::string& name) {
  try {
    return convert(toml::parse(text, std::string_view(name)));
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    return Finding{Severity::error,
                   name,
                   at.line,
                   at.column,
                   "",
                   on_one_line("this is not TOML: " + std::string(error.description())),
                   "syntax"};
  }
}

}  // namespace postern::gateway
