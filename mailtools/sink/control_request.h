// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/fault.h"

#include <chrono>
#include <cstdint>
#include <string_view>

// Private to mailtools/sink.

namespace postern::sink {

/// One line of the control socket. A plain value.
struct ControlRequest {
  enum class Kind : std::uint8_t {
    count,
    add,  ///< `fault`
    list,
    clear,  ///< fault `number`; 0: all
    pause,
    resume,
    wait,  ///< for `number` messages, `span` long
    last,  ///< `number` letters
  };
  Kind kind = Kind::count;
  Fault fault;
  std::uint64_t number = 0;
  std::chrono::milliseconds span{0};
};

inline constexpr std::size_t kLongestRequest = 4096;  ///< octets, with the line end
inline constexpr std::chrono::seconds kDefaultWait{60};

/// `line` without its line end. What is wrong, and what to write instead. Pure.
Result<ControlRequest, FaultError> parse_control(std::string_view line);

}  // namespace postern::sink
