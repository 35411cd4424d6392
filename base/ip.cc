// SPDX-License-Identifier: Apache-2.0
#include "base/ip.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <charconv>

namespace postern {
namespace {

/// Octets of the network's order as one number.
template <class Octets>
std::uint64_t number_of(const Octets& octets, std::size_t from) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof(out); ++i)
    out = out << 8U | octets[from + i];
  return out;
}

/// The first `bits` of 64 are set; more than 64 are 64.
std::uint64_t leading(unsigned bits) {
  if (bits >= 64) return ~std::uint64_t{0};
  return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - bits);
}

template <class Bytes>
bool host_bits_are_zero(const Bytes& bytes, unsigned bits) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned before = static_cast<unsigned>(i) * 8;
    const unsigned kept = bits > before ? std::min(bits - before, 8U) : 0;
    const auto host_mask = static_cast<unsigned char>(0xffU >> kept);
    if ((bytes[i] & host_mask) != 0) return false;
  }
  return true;
}

unsigned full_length(const IpAddress& address) {
  return address.is_v4() ? 32 : 128;
}

}  // namespace

IpAddress plain_ip(const IpAddress& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  // A scope ("fe80::1%eth0") is local to a host and would never match a rule as written.
  if (text.empty() || text.find('%') != std::string_view::npos) return std::nullopt;
  boost::system::error_code ec;
  const IpAddress address = boost::asio::ip::make_address(std::string(text), ec);
  if (ec) return std::nullopt;
  return plain_ip(address);
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned length = full_length(*address);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (length > full_length(*address)) return std::nullopt;
  }
  const bool clean = address->is_v4() ? host_bits_are_zero(address->to_v4().to_bytes(), length)
                                      : host_bits_are_zero(address->to_v6().to_bytes(), length);
  if (!clean) return std::nullopt;
  return IpPrefix(*address, length);
}

IpBits::IpBits(const IpAddress& address) {
  constexpr std::uint64_t kMapped = std::uint64_t{0xffff} << 32U;
  if (address.is_v4()) {
    low = kMapped | address.to_v4().to_uint();
    is_v4 = true;
    return;
  }
  const boost::asio::ip::address_v6::bytes_type octets = address.to_v6().to_bytes();
  high = number_of(octets, 0);
  low = number_of(octets, 8);
  is_v4 = high == 0 && low >> 32U == kMapped >> 32U;
}

IpPrefix::IpPrefix(const IpAddress& single)
    : IpPrefix(plain_ip(single), full_length(plain_ip(single))) {}

IpPrefix::IpPrefix(const IpAddress& network, unsigned length)
    : network_(network), length_(length), bits_(network) {
  const unsigned bits = length + (bits_.is_v4 ? 96 : 0);
  high_mask_ = leading(bits);
  low_mask_ = leading(bits > 64 ? bits - 64 : 0);
}

std::string IpPrefix::str() const {
  if (length_ == full_length(network_)) return network_.to_string();
  return network_.to_string() + "/" + std::to_string(length_);
}

const IpPrefix* IpSet::find(const IpBits& address) const {
  for (const IpPrefix& prefix : prefixes_) {
    if (prefix.contains(address)) return &prefix;
  }
  return nullptr;
}

}  // namespace postern
