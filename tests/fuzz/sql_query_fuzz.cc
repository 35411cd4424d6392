// SPDX-License-Identifier: Apache-2.0
// The config's query is read to its end whatever it is, and what passes has a parameter to bind;
// what a server says is one printable line.
#include "base/printable.h"
#include "directories/sql_query.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto fault = directories::find_query_fault(text);
  const std::size_t parameters = directories::read_query(text).parameters;
  if (parameters > directories::kSqlParameters) std::abort();
  if (!fault && parameters == 0) std::abort();
  if (!fault && text.find('$') == std::string_view::npos) std::abort();
  const std::string line = printable(text, 64);
  if (line.size() > 64 || printable(line, 64) != line) std::abort();
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
  return 0;
}
