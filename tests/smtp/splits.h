// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp {

/// Calls `body(pieces)` with `input` whole, cut in two at every place, and octet by octet: a parser
/// of a stream must give the same for all of them.
template <class Body>
void for_every_split(std::string_view input, const Body& body) {
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    body(std::vector<std::string>{std::string(input.substr(0, cut)),
                                  std::string(input.substr(cut))});
  }
  std::vector<std::string> octets;
  for (const char octet : input)
    octets.emplace_back(1, octet);
  body(octets);
}

}  // namespace postern::smtp
