// SPDX-License-Identifier: Apache-2.0
// What a web server or DNS sent as a domain's MTA-STS policy: what is taken is bounded, survives
// being written and read, and no text about it has a line end.
#include "mta_sts/policy.h"
#include "mta_sts/policy_store.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace postern::mta_sts;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string text_of(const Policy& policy) {
  std::string out;
  for (const std::string& line : lines_of(policy)) {
    require(line.find('\n') == std::string::npos && line.find('\r') == std::string::npos);
    out += line + "\n";
  }
  return out;
}

void check_policy(std::string_view input) {
  const auto policy = parse_policy(input);
  if (!policy) {
    require(!policy.error().empty() && policy.error().find('\n') == std::string::npos);
    return;
  }
  require(policy->mx.size() <= kMostPatterns && policy->max_age <= kMostAge);
  require(!policy->mx.empty() || policy->mode == Mode::none);
  const auto again = parse_policy(text_of(*policy));
  require(again && *again == *policy);
  for (const std::string& pattern : policy->mx) {
    if (!pattern.starts_with("*.")) require(mx_matches(pattern, pattern));
  }
}

void check_stored(std::string_view input) {
  const auto stored = parse_stored(input);
  if (!stored) return;
  const auto again = parse_stored(format_stored(*stored));
  require(again && *again == *stored);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_policy(input);
  check_stored(input);
  if (const auto id = announced_id({std::string(input)})) require(!id->empty() && id->size() <= 32);
  const std::string_view pattern = input.substr(0, input.find('\n'));
  mx_matches(pattern, input.substr(pattern.size()));
  return 0;
}
