// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/address.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::routing {

/// A local part as look-ups compare it (R8a): quotes and their backslashes gone (RFC 5321 4.1.2:
/// `"a.b"` and `a.b` are one mailbox), ASCII letters lower case unless the config says otherwise.
/// A value on the stack, no allocation.
class LocalKey {
 public:
  LocalKey() = default;  ///< of no address
  LocalKey(const LocalKey& other) { *this = other; }
  LocalKey& operator=(const LocalKey& other) {
    std::copy_n(other.octets_.data(), other.size_, octets_.data());
    size_ = other.size_;
    fits_ = other.fits_;
    return *this;
  }
  LocalKey(std::string_view local, bool case_sensitive);

  std::string_view view() const { return {octets_.data(), size_}; }
  /// Without its tag: the part before the first of `delimiters`; the whole key when there is none,
  /// or nothing before it.
  std::string_view without_tag(std::string_view delimiters) const;
  /// False: longer than any mailbox can be; such a key equals nothing.
  bool fits() const { return fits_; }

 private:
  static constexpr std::size_t kLimit = 256;  // RFC 5321 4.5.3.1.3: a whole path
  void unescape(std::string_view local);

  std::array<char, kLimit> octets_;  // the first size_ of them
  std::size_t size_ = 0;
  bool fits_ = true;
};

/// A key with its hash.
struct HashedKey {
  explicit HashedKey(std::string_view key) : text(key), hash(hash_of(key)) {}
  HashedKey(std::string_view key, std::uint64_t known) : text(key), hash(known) {}
  static std::uint64_t hash_of(std::string_view key);

  std::string_view text;
  std::uint64_t hash;
};

/// A recipient as the tables of one config look him up: made once, asked of all of them. A value.
class RecipientKey {
 public:
  /// The domain of a recipient that is not ours: no table has him.
  static constexpr std::uint16_t kNoDomain = 0xfffe;

  RecipientKey() = default;  ///< of nobody
  /// `domain`: its place in the config's domains, or kNoDomain. The rest as LocalKey has it.
  RecipientKey(std::string_view local,
               std::uint16_t domain,
               bool case_sensitive,
               std::string_view delimiters);

  std::uint16_t domain() const { return domain_; }
  /// False: equals nothing.
  bool fits() const { return local_.fits(); }
  bool has_tag() const { return untagged_ < local_.view().size(); }
  HashedKey whole() const { return {local_.view(), hash_}; }
  /// whole() where there is no tag.
  HashedKey without_tag() const { return {local_.view().substr(0, untagged_), untagged_hash_}; }

 private:
  LocalKey local_;
  std::size_t untagged_ = 0;  ///< octets before the tag
  std::uint64_t hash_ = 0;
  std::uint64_t untagged_hash_ = 0;
  std::uint16_t domain_ = kNoDomain;
};

/// R8a, R7: the same address? Domains without case, local parts as LocalKey has them, tags
/// included.
bool same_mailbox(const smtp::Mailbox& a, const smtp::Mailbox& b, bool case_sensitive);

}  // namespace postern::routing
