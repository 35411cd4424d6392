// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any text is a setting that reads back as itself, or an error inside the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::directories;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto setting = parse_setting(text);
  if (!setting) {
    if (setting.error().at > size || setting.error().message.empty()) std::abort();
    return 0;
  }
  std::size_t leaves = 0;
  for_each_leaf(*setting, [&leaves](const Setting&) { ++leaves; });
  if (leaves == 0) std::abort();
  const auto again = parse_setting(text_of(*setting));
  if (!again || *again != *setting) std::abort();
  return 0;
}
