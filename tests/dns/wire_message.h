// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scripted_server.h"

#include <string>
#include <vector>

namespace postern::test {

/// A response as it comes from a server, for who reads one without a server.
struct WireMessage {
  std::string question = "q.example";
  std::uint16_t type = 1;
  std::uint8_t rcode = 0;
  bool authentic = false;
  std::vector<ScriptedRecord> answers;
  std::vector<ScriptedRecord> authority;

  std::string str() const;
  /// With these octets for the question section.
  std::string str(std::string_view question_octets) const;
};

}  // namespace postern::test
