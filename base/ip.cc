// SPDX-License-Identifier: Apache-2.0
#include "base/ip.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <charconv>

namespace postern {
namespace {

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    if (a[i] != b[i]) return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xff00U >> rest);
  return (a[whole] & mask) == (b[whole] & mask);
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

IpPrefix::IpPrefix(const IpAddress& single)
    : network_(plain_ip(single)), length_(full_length(network_)) {}

bool IpPrefix::contains(const IpAddress& raw) const {
  const IpAddress address = plain_ip(raw);
  if (address.is_v4() != network_.is_v4()) return false;
  return address.is_v4()
             ? same_prefix(address.to_v4().to_bytes(), network_.to_v4().to_bytes(), length_)
             : same_prefix(address.to_v6().to_bytes(), network_.to_v6().to_bytes(), length_);
}

std::string IpPrefix::str() const {
  if (length_ == full_length(network_)) return network_.to_string();
  return network_.to_string() + "/" + std::to_string(length_);
}

const IpPrefix* IpSet::find(const IpAddress& address) const {
  for (const IpPrefix& prefix : prefixes_) {
    if (prefix.contains(address)) return &prefix;
  }
  return nullptr;
}

}  // namespace postern
