// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/finding.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway {

struct Member;

/// A TOML value with its place: what the readers see of a file. One TU alone knows the TOML
/// library.
struct Node {
  enum class Kind : std::uint8_t { boolean, integer, real, string, date, array, table };

  Kind kind = Kind::table;
  unsigned line = 0;
  unsigned column = 0;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string string;
  std::vector<Node> items;      ///< of an array
  std::vector<Member> members;  ///< of a table, ordered by name

  const Node* find(std::string_view key) const;
};

struct Member {
  std::string key;
  unsigned line = 0;
  unsigned column = 0;
  Node value;
};

/// "a string", "a list", ...: for messages.
std::string_view kind_name(Node::Kind kind);

/// The file's top table, or its syntax error (line, column, the TOML library's words).
Result<Node, Finding> parse_document(std::string_view text, const std::string& name);

}  // namespace postern::gateway
