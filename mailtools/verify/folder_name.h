// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace postern::verify {

/// A folder's name as IMAP4rev1 writes it (RFC 3501 section 5.1.3, modified UTF-7): "Спам" as
/// "&BCEEPwQwBDw-", "&" as "&-". Octets that are no UTF-8 become U+FFFD. Pure.
std::string imap_folder_name(std::string_view utf8);

/// The same backwards, to be shown: what is no such name stays as it is. Pure.
std::string people_folder_name(std::string_view imap);

}  // namespace postern::verify
