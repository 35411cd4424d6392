// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::send {

/// What is wrong with a command line: a sentence with what to write instead.
struct Mistake {
  std::string text;
  int status = 1;  ///< the exit status: 1, or 35 of a PROXY header (swaks)
};

/// An option of `postern send`.
struct Word {
  enum class Takes : std::uint8_t { nothing, value, maybe };
  std::string_view name;
  std::string_view others;  ///< its other names, by spaces: swaks' short ones
  Takes takes = Takes::nothing;
  std::string_view without;  ///< the value when none is given (Takes::maybe)
  std::string_view type;     ///< for --help
  std::string_view help;
  std::string_view group;
};

/// All of them, in the order of --help.
std::span<const Word> all_words();

/// An option as it was typed, by its first name.
struct Given {
  std::string name;
  std::string value;
  friend bool operator==(const Given&, const Given&) = default;
};

/// swaks takes any option with one dash or two, a value behind "=" or in the next word, and
/// "--h-Subject text" for a header field: all of it is read here. Values that may be secret are not
/// repeated in a mistake.
Result<std::vector<Given>, Mistake> read_words(const std::vector<std::string>& typed);

}  // namespace postern::send
