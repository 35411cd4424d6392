// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace postern {

/// A sentence that is usually a literal and sometimes made on the spot: a reply's text, a verdict's
/// reason. A literal costs no allocation; `Text::literal` must be given storage that lives for
/// ever.
class Text {
 public:
  Text() noexcept : literal_() {}
  Text(std::string owned) noexcept : owned_(std::move(owned)), is_owned_(true) {}  // NOLINT: is one
  Text(const Text& other) { take(other); }
  Text(Text&& other) noexcept { take(std::move(other)); }
  Text& operator=(const Text& other) {
    if (this != &other) *this = Text(other);
    return *this;
  }
  Text& operator=(Text&& other) noexcept {
    if (this == &other) return *this;
    drop();
    take(std::move(other));
    return *this;
  }
  ~Text() { drop(); }

  static Text literal(std::string_view forever) { return Text(forever, 0); }

  std::string_view view() const { return is_owned_ ? std::string_view(owned_) : literal_; }
  bool empty() const { return view().empty(); }
  std::string str() const { return std::string(view()); }

  friend bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }

 private:
  Text(std::string_view forever, int) noexcept : literal_(forever) {}

  /// Into one that holds nothing.
  template <class Other>
  void take(Other&& other) {
    is_owned_ = false;
    if (other.is_owned_) {
      std::construct_at(&owned_, std::forward<Other>(other).owned_);
      is_owned_ = true;
    } else {
      std::construct_at(&literal_, other.literal_);
    }
  }
  void drop() {
    if (is_owned_) std::destroy_at(&owned_);
  }

  // Replies and verdicts are moved a lot: a literal costs three words.
  union {
    std::string_view literal_;
    std::string owned_;
  };
  bool is_owned_ = false;
};

/// `"no route"_text`: a literal as a Text.
inline Text operator""_text(const char* s, std::size_t n) {
  return Text::literal({s, n});
}

}  // namespace postern
