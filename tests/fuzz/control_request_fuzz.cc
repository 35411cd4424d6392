// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_filter.h"
#include "gateway/control_request.h"
#include "gateway/control_text.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace postern::gateway;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

/// Any line is a request that is the same when it is written and read again, or a mistake that says
/// something; what changes messages names which. Octets survive their way as text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const Parsed<ControlRequest> request = parse_request(line);
  if (request) {
    const std::string written = format_request(*request);
    require(written.find('\n') == std::string::npos);
    const Parsed<ControlRequest> again = parse_request(written);
    require(again && *again == *request);
    if (changes_messages(request->command)) {
      require(!request->ids.empty() || !request->filter.empty() || request->all);
    }
    const std::string pattern = request->filter.sender.value_or("");
    require(pattern.find('*') != std::string::npos || glob_matches(pattern, pattern));
  } else {
    require(!request.error().text.empty());
  }
  require(text_as_octets(octets_as_text(line)) == line);
  text_as_octets(line);
  return 0;
}
