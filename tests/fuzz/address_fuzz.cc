// SPDX-License-Identifier: Apache-2.0
#include "smtp/address.h"

#include <cstdlib>
#include <string>
#include <string_view>

// parse(format(x)) == x for every path that parses, and nothing that parses holds an octet that
// could end a command line or a path early.
namespace {

using namespace postern::smtp;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const bool utf8 = (data[0] & 1U) != 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parsed = parse_path(input, utf8);
  if (!parsed) return 0;
  const PathView& path = parsed->path;
  const std::string formatted = path.is_null ? "<>" : "<" + Mailbox(path).text() + ">";
  require(formatted.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  const auto again = parse_path(formatted, utf8);
  require(again.has_value() && again->rest.empty());
  require(again->path.local == path.local && again->path.domain == path.domain);
  require(again->path.is_null == path.is_null && !again->path.had_source_route);
  require(path.domain.empty() || validate_domain(path.domain, utf8).has_value());
  return 0;
}
