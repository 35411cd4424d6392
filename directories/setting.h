// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories {

/// What `recipients.directory`, `domain.directory` and `domain.cutover` say: whom to ask.
///
///   file:/path | ldap:NAME | sql:NAME | smtp:NAME | all:SETTING SETTING ... | any:SETTING ...
///
/// Inside all: and any: the settings stand apart by spaces, a combination among them is in
/// parentheses ("any:file:/a (all:ldap:x sql:y)"), and a path has neither spaces nor parentheses.
struct Setting {
  enum class Kind : std::uint8_t { file, ldap, sql, smtp, all, any };

  Kind kind = Kind::file;
  std::string name;            ///< the path, or NAME; empty for all and any
  std::vector<Setting> parts;  ///< of all and any: one at least

  friend bool operator==(const Setting&, const Setting&) = default;
};

/// Where in the text reading stopped (octets, from 0), and what to write instead, as one sentence.
struct SettingError {
  std::size_t at = 0;
  std::string message;
};

/// Pure; any input, also a hostile one, is a setting or an error.
Result<Setting, SettingError> parse_setting(std::string_view text);

/// The setting as it would be written; reads back as the same setting.
std::string text_of(const Setting& setting);

/// Calls `take` with each part that is no combination, in order.
void for_each_leaf(const Setting& setting, const std::function<void(const Setting&)>& take);

}  // namespace postern::directories
