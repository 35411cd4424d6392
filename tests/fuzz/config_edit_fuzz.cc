// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_edit.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace postern::gateway;
using postern::routing::WaveState;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

/// Any text: the wave's state can be set, and set again with the same result, or a mistake says
/// why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Parsed<std::string> cut_over = with_wave_state(text, "pilot", WaveState::cutover);
  if (!cut_over) {
    require(!cut_over.error().text.empty());
    return 0;
  }
  const Parsed<std::string> dual = with_wave_state(*cut_over, "pilot", WaveState::dual);
  require(dual.has_value());
  const Parsed<std::string> again = with_wave_state(*dual, "pilot", WaveState::cutover);
  require(again && *again == *cut_over);
  return 0;
}
