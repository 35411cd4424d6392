// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// Private to mailtools/sink: replies in their wire form, whole lines with CRLF. Pure.

namespace postern::sink {

/// How many replies of 4yz and 5yz there are.
std::uint64_t count_refusals(std::string_view replies);

/// Takes the enhanced status codes (RFC 2034) out of all lines.
void drop_statuses(std::string& replies);

/// Takes the lines of these keywords out of the reply to EHLO that begins at `from` and ends with
/// `replies`; its first line stays.
void drop_keywords(std::string& replies, std::size_t from, std::span<const std::string> keywords);

}  // namespace postern::sink
