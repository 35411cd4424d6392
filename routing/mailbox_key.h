// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/address.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace postern::routing {

/// A local part as look-ups compare it (R8a): quotes and their backslashes gone (RFC 5321 4.1.2:
/// `"a.b"` and `a.b` are one mailbox), ASCII letters lower case unless the config says otherwise.
/// A value on the stack, no allocation.
class LocalKey {
 public:
  LocalKey(std::string_view local, bool case_sensitive);

  std::string_view view() const { return {octets_.data(), size_}; }
  /// Without its tag: the part before the first of `delimiters`; the whole key when there is none,
  /// or nothing before it.
  std::string_view without_tag(std::string_view delimiters) const;
  /// False: longer than any mailbox can be; such a key equals nothing.
  bool fits() const { return fits_; }

 private:
  static constexpr std::size_t kLimit = 256;  // RFC 5321 4.5.3.1.3: a whole path
  std::array<char, kLimit> octets_;
  std::size_t size_ = 0;
  bool fits_ = true;
};

/// R8a, R7: the same address? Domains without case, local parts as LocalKey has them, tags
/// included.
bool same_mailbox(const smtp::Mailbox& a, const smtp::Mailbox& b, bool case_sensitive);

}  // namespace postern::routing
