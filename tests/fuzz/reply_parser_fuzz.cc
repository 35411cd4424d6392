// SPDX-License-Identifier: Apache-2.0
// Property: the replies that come out do not depend on how the octets were cut, and what is kept
// stays within its bounds and free of control characters.
#include "smtp/reply_parser.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using postern::smtp::Reply;
using postern::smtp::ReplyParser;

struct Outcome {
  std::vector<Reply> replies;
  std::error_code error;
};

void require(bool condition) {
  if (!condition) std::abort();
}

/// Feeds `input` in pieces of `first`, then `rest` octets.
Outcome run(std::string_view input, std::size_t first, std::size_t rest) {
  Outcome out;
  ReplyParser parser;
  std::size_t piece = first;
  while (!input.empty()) {
    std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    piece = rest;
    while (!part.empty()) {
      const auto complete = parser.parse(part);
      if (!complete) {
        out.error = complete.error();
        return out;
      }
      if (*complete == ReplyParser::Got::reply) out.replies.push_back(parser.take());
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = run(input, input.size(), input.size());
  const Outcome cut = run(input, 1 + data[0] % 64, 1 + data[0] / 64);
  require(whole.error == cut.error);
  require(whole.replies == cut.replies);
  for (const Reply& reply : whole.replies) {
    require(reply.code() >= 200 && reply.code() <= 599);
    require(reply.text().size() <= ReplyParser::kOctetsKept);
    require(reply.text().find('\r') == std::string_view::npos);
    require(reply.text().find('\0') == std::string_view::npos);
    require(reply.status().empty() || reply.status().klass == reply.code() / 100);
  }
  return 0;
}
