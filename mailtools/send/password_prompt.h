// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace postern::send {

/// Asks on the terminal, without echo; nullopt: there is none, or nothing was typed. Blocks.
std::optional<std::string> ask_password(const std::string& user);

}  // namespace postern::send
