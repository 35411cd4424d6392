// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/said.h"

#include <algorithm>

namespace postern::sink {
namespace {

constexpr std::size_t kCode = 4;  ///< "250-"

/// Takes the first line, with its line end, off `rest`.
std::string_view take_reply_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end);
  return line;
}

/// How long "5.1.1 " is; 0: there is none.
std::size_t status_octets(std::string_view text) {
  std::size_t dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      ++dots;
    } else if (text[i] == ' ') {
      return dots == 2 ? i + 1 : 0;
    } else if (text[i] < '0' || text[i] > '9') {
      return 0;
    }
  }
  return 0;
}

}  // namespace

std::uint64_t count_refusals(std::string_view replies) {
  std::uint64_t out = 0;
  while (!replies.empty()) {
    const std::string_view line = take_reply_line(replies);
    if (line.size() >= kCode && (line[0] == '4' || line[0] == '5') && line[3] != '-') ++out;
  }
  return out;
}

void drop_statuses(std::string& replies) {
  std::string out;
  for (std::string_view rest = replies; !rest.empty();) {
    const std::string_view line = take_reply_line(rest);
    out += line.substr(0, kCode);
    if (line.size() <= kCode) continue;
    const std::string_view text = line.substr(kCode);
    out += text.substr(status_octets(text));
  }
  replies = std::move(out);
}

void drop_keywords(std::string& replies, std::size_t from, std::span<const std::string> keywords) {
  std::string out;
  std::size_t last = 0;
  for (std::string_view rest = std::string_view(replies).substr(from); !rest.empty();) {
    const std::string_view line = take_reply_line(rest);
    const std::string_view text = line.substr(std::min(kCode, line.size()));
    const std::string_view keyword = text.substr(0, text.find_first_of(" \r\n"));
    const bool is_first = out.empty();
    if (!is_first && std::find(keywords.begin(), keywords.end(), keyword) != keywords.end())
      continue;
    last = out.size();
    out += line;
  }
  // The last line has a space (RFC 5321 4.1.1.1), whichever it is now.
  if (out.size() >= last + kCode) out[last + 3] = ' ';
  replies.resize(from);
  replies += out;
}

}  // namespace postern::sink
