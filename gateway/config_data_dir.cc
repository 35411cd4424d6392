// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"

#include "gateway/config.h"
#include "gateway/config_document.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace postern::gateway {

Parsed<std::string> data_dir_of(const std::string& config_file) {
  std::ifstream in(config_file, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece{};
  while (in.read(piece.data(), piece.size()), in.gcount() > 0)
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) {
    return Mistake{
        fmt::format("the config {} cannot be read: {}", config_file, std::strerror(errno))};
  }
  const Result<Node, Finding> root = parse_document(text, config_file);
  if (!root) return Mistake{format_text(root.error())};
  const Node* const found = root->find("data_dir");
  if (found == nullptr) return Config().data_dir;
  if (found->kind != Node::Kind::string || found->string.empty()) {
    return Mistake{fmt::format("{}:{}: data_dir must be a path", config_file, found->line)};
  }
  return found->string;
}

}  // namespace postern::gateway
