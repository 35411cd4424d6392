// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

using IpAddress = boost::asio::ip::address;

/// `text` as an IPv4 or IPv6 address; an IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes IPv4.
std::optional<IpAddress> parse_ip(std::string_view text);

/// The same address, IPv4-mapped IPv6 turned into IPv4: what a dual-stack socket reports as its
/// peer.
IpAddress plain_ip(const IpAddress& address);

/// An address as blocks compare it: 128 bits, IPv4 in the place that IPv4-mapped IPv6 has
/// (RFC 4291 2.5.5.2), so that both spellings are one address.
struct IpBits {
  explicit IpBits(const IpAddress& address);

  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool is_v4 = false;
};

/// An address block: "10.0.1.0/24", "2001:db8:7::/48", or a single address (a full-length prefix).
class IpPrefix {
 public:
  /// nullopt: not an address, or a length beyond the family's. Host bits that are set are an error
  /// too, since "10.0.0.5/24" is nearly always a slip that allows more than was meant.
  static std::optional<IpPrefix> parse(std::string_view text);
  explicit IpPrefix(const IpAddress& single);

  bool contains(const IpAddress& address) const { return contains(IpBits(address)); }
  bool contains(const IpBits& address) const {
    return address.is_v4 == bits_.is_v4 && ((address.high ^ bits_.high) & high_mask_) == 0 &&
           ((address.low ^ bits_.low) & low_mask_) == 0;
  }
  std::string str() const;
  /// Length in bits; 0 covers the whole family.
  unsigned length() const { return length_; }
  const IpAddress& network() const { return network_; }

  friend bool operator==(const IpPrefix& a, const IpPrefix& b) {
    return a.network_ == b.network_ && a.length_ == b.length_;
  }

 private:
  IpPrefix(const IpAddress& network, unsigned length);

  IpAddress network_;
  unsigned length_ = 0;
  // The same, as contains() compares it.
  IpBits bits_;
  std::uint64_t high_mask_ = 0;
  std::uint64_t low_mask_ = 0;
};

/// A list of blocks, asked in order of writing. Immutable after loading; any thread may ask.
class IpSet {
 public:
  IpSet() = default;
  explicit IpSet(std::vector<IpPrefix> prefixes) : prefixes_(std::move(prefixes)) {}
  /// The block that covers `address`, or null.
  const IpPrefix* find(const IpAddress& address) const { return find(IpBits(address)); }
  const IpPrefix* find(const IpBits& address) const;
  bool contains(const IpAddress& address) const { return find(address) != nullptr; }
  bool contains(const IpBits& address) const { return find(address) != nullptr; }
  const std::vector<IpPrefix>& prefixes() const { return prefixes_; }
  bool empty() const { return prefixes_.empty(); }

 private:
  std::vector<IpPrefix> prefixes_;
};

}  // namespace postern
