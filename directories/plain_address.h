// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/config.h"
#include "routing/domain_index.h"
#include "smtp/address.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace postern::directories {

/// A mailbox as a server is asked for it and as answers are kept by (R8a): the main domain's name,
/// the local part folded as the config says and without quotes; with its tag and without. A value
/// on the stack, no allocation; views into it live as long as it does.
class PlainAddress {
 public:
  PlainAddress(const smtp::Mailbox& mailbox,
               const routing::DomainIndex& domains,
               const routing::RecipientsConfig& rules);
  PlainAddress(PlainAddress&&) = delete;

  /// False: not in a domain of ours, or no address that a mailbox can have.
  bool is_ours() const { return full_size_ > 0; }
  std::string_view full() const { return {full_.data(), full_size_}; }
  bool has_tag() const { return untagged_size_ > 0; }
  std::string_view untagged() const { return {untagged_.data(), untagged_size_}; }

 private:
  static constexpr std::size_t kLimit = 256 + 1 + 255;  // RFC 5321 4.5.3.1: path, @, domain

  std::array<char, kLimit> full_;
  std::array<char, kLimit> untagged_;
  std::size_t full_size_ = 0;
  std::size_t untagged_size_ = 0;
};

/// A key of PlainAddress as a mailbox, with quotes where the local part needs them (RFC 5321
/// 4.1.2).
smtp::Mailbox mailbox_of(std::string_view key);

}  // namespace postern::directories
