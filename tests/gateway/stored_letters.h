// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/exchange_habits.h"

#include <string>
#include <utility>

// What the tests of stored letters share.

namespace postern::gateway {

inline constexpr const char* kMessage = "Subject: t\r\n\r\nhello\r\n";
inline constexpr const char* kQuick =
    "[retry]\nfirst = \"1s\"\nmax = \"1s\"\nlifetime = \"1h\"\nwarn_after = \"30m\"\n";

inline test::Fault say(std::string reply) {
  test::Fault fault;
  fault.kind = test::Fault::Kind::say;
  fault.reply = std::move(reply);
  return fault;
}

inline test::Fault say_and_close(std::string reply) {
  test::Fault fault;
  fault.kind = test::Fault::Kind::say_and_close;
  fault.reply = std::move(reply);
  return fault;
}

inline test::Fault hold() {
  test::Fault fault;
  fault.kind = test::Fault::Kind::hold;
  return fault;
}

}  // namespace postern::gateway
