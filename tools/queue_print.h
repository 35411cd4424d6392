// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

// What the gateway tells of its queue, for people to read. Pure functions.

namespace postern::tools {

/// Control characters as "\x1b": what comes from outside must not command a terminal.
std::string harmless(std::string_view text);
/// "5s", "3m", "2h", "4d".
std::string short_time(std::int64_t seconds);
/// "900", "1.2K", "34M".
std::string short_size(std::uint64_t octets);
/// "1 message", "2 messages".
std::string counted(std::uint64_t count, std::string_view what);

std::string list_heading();
std::string list_line(const nlohmann::ordered_json& message);
void print_details(const nlohmann::ordered_json& message, std::ostream& out);
/// Header block or message: as it is but for control characters.
void print_octets(std::string_view octets, std::ostream& out);
void print_stats(const nlohmann::ordered_json& stats, std::ostream& out);

}  // namespace postern::tools
