// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/contents.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

// Whatever stands in the head of a letter that comes to the sink of a load: a mark that is found is
// in the header block, and is the same when it is written again.
namespace {

using namespace postern::load;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::optional<Mark> mark = find_mark(octets);
  if (!mark) return 0;
  require(!mark->run.empty() && mark->run.size() <= 32);
  require(octets.find("X-Postern-Load: " + mark->run + " ") != std::string_view::npos);
  require(mark->due.time_since_epoch().count() >= 0);
  const std::string again = "X-Postern-Load: " + mark->run + " " + std::to_string(mark->number) +
                            " " + std::to_string(mark->due.time_since_epoch().count()) +
                            (mark->counted ? " 1\r\n" : " 0\r\n");
  const std::optional<Mark> second = find_mark(again);
  require(second && *second == *mark);
  return 0;
}
