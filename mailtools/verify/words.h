// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Addresses and words of this folder. Pure functions.

namespace postern::verify {

/// "ivan@company.ru" at "company.ru"; both in lower case.
bool at_domain(std::string_view address, std::string_view domain);
std::string lower_case(std::string_view text);
/// An address whose octets cannot end a command's line or leave its angle brackets.
bool is_test_address(std::string_view text);

}  // namespace postern::verify
