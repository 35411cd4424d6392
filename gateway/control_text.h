// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// A message's octets on their way through the control socket. Pure functions.

namespace postern::gateway {

/// Octets as text that JSON can carry: each is the character of its number (Latin-1), so that a
/// message of any kind arrives as it is.
std::string octets_as_text(std::string_view octets);
/// And back; a character that no octet has becomes "?".
std::string text_as_octets(std::string_view text);

}  // namespace postern::gateway
