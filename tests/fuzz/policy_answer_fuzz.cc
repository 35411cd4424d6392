// SPDX-License-Identifier: Apache-2.0
// What a policy server sent, or what a client put into a question: no answer makes a reply that is
// not one line of printable ASCII with a code of its class, and no value makes a line of its own.
#include "routing/policy/client.h"
#include "routing/policy/protocol.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern;
using namespace postern::routing;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

void check_answer(std::string_view input) {
  const std::size_t end = policy_answer_end(input);
  require(end == std::string_view::npos || (end > 0 && input.at(end - 1) == '\n'));
  const auto answer = parse_policy_answer(input);
  if (!answer) {
    require(!answer.error().empty() && answer.error().find('\n') == std::string::npos);
    return;
  }
  require(is_plain(answer->verb) && is_plain(answer->text));
  require(answer->text.size() <= kMostPolicyText);
  const smtp::Reply& reply = answer->reply;
  switch (answer->action) {
    case PolicyAction::reject:
      require(reply.is_permanent() && reply.code() < 560 && reply.status().klass == 5);
      break;
    case PolicyAction::defer:
    case PolicyAction::defer_if_permit:
    case PolicyAction::defer_if_reject:
      require(reply.is_transient() && reply.code() != 421 && reply.status().klass == 4);
      break;
    default:
      require(reply.code() == 0);
      return;
  }
  require(!reply.text().empty() && reply.text().size() <= kMostPolicyText);
  require(is_plain(reply.text()));
}

void check_question(std::string_view input) {
  PolicyQuestion question;
  question.add("a", input).add("b", input);
  const std::string text = std::move(question).finish();
  require(std::count(text.begin(), text.end(), '\n') == 3);
  require(policy_answer_end(text) == text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_answer(input);
  check_question(input);
  if (const auto server = PolicyServer::parse(input)) {
    require(server->path.empty() != (server->port == 0));
  }
  return 0;
}
