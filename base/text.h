// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace postern {

/// A sentence that is usually a literal and sometimes made on the spot: a reply's text, a verdict's
/// reason. A literal costs no allocation; `Text::literal` must be given storage that lives for
/// ever.
class Text {
 public:
  Text() = default;
  Text(std::string owned)
      : owned_(std::move(owned)), is_owned_(true) {}  // NOLINT: a string is a text

  static Text literal(std::string_view forever) { return Text(forever, 0); }

  std::string_view view() const { return is_owned_ ? std::string_view(owned_) : literal_; }
  bool empty() const { return view().empty(); }
  std::string str() const { return std::string(view()); }

  friend bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }

 private:
  Text(std::string_view forever, int) : literal_(forever) {}

  std::string_view literal_;
  std::string owned_;
  bool is_owned_ = false;
};

/// `"no route"_text`: a literal as a Text.
inline Text operator""_text(const char* s, std::size_t n) {
  return Text::literal({s, n});
}

}  // namespace postern
