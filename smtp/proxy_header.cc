// SPDX-License-Identifier: Apache-2.0
#include "smtp/proxy_header.h"

#include "base/crc32c.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace postern::smtp {
namespace {

using State = ProxyParse::State;

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kMostOctets1 = 107;  // section 2.1, with its CRLF
constexpr std::size_t kFixed2 = 16;
constexpr std::size_t kEnds4 = 12;
constexpr std::size_t kEnds6 = 36;
constexpr std::size_t kEndsUnix = 216;
constexpr unsigned char kTlvCrc32c = 0x03;
constexpr std::size_t kTlvHead = 3;

ProxyParse malformed(std::string_view why) {
  ProxyParse out;
  out.state = State::malformed;
  out.why = why;
  return out;
}

ProxyParse complete(std::size_t octets, const ProxyHeader& header) {
  ProxyParse out;
  out.state = State::complete;
  out.octets = octets;
  out.header = header;
  return out;
}

/// One of the two may become of `octets`.
bool begins_like(std::string_view octets, std::string_view signature) {
  const std::size_t n = std::min(octets.size(), signature.size());
  return octets.substr(0, n) == signature.substr(0, n);
}

unsigned octet(std::string_view octets, std::size_t at) {
  return static_cast<unsigned char>(octets[at]);
}
std::uint16_t big_endian16(std::string_view octets, std::size_t at) {
  return static_cast<std::uint16_t>(octet(octets, at) << 8U | octet(octets, at + 1));
}
std::uint32_t big_endian32(std::string_view octets, std::size_t at) {
  return static_cast<std::uint32_t>(big_endian16(octets, at)) << 16U | big_endian16(octets, at + 2);
}

/// "A number from 0 to 65535 without leading zeroes", section 2.1.
bool parse_port(std::string_view text, std::uint16_t& out) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, ec] = std::from_chars(text.begin(), text.end(), out);
  return ec == std::errc() && end == text.end();
}

/// An address of the family that the line names.
bool parse_end(std::string_view text, bool v4, IpAddress& out) {
  boost::system::error_code ec;
  const IpAddress address = boost::asio::ip::make_address(std::string(text), ec);
  if (ec || address.is_v4() != v4 || text.find('%') != std::string_view::npos) return false;
  out = plain_ip(address);
  return true;
}

/// The line without its CRLF.
ProxyParse parse_line(std::string_view line) {
  const std::size_t octets = line.size() + 2;
  line.remove_prefix(kSignature1.size());
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  for (std::string_view rest = line; count < words.size(); ++count) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    words[count] = rest.substr(0, end);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  // What follows UNKNOWN is to be ignored.
  if (words[0] == "UNKNOWN") return complete(octets, ProxyHeader());
  const bool v4 = words[0] == "TCP4";
  if (!v4 && words[0] != "TCP6") return malformed("a protocol that there is not");
  if (count != 4) return malformed("not two addresses and two ports");
  ProxyHeader header;
  header.has_ends = true;
  if (!parse_end(words[1], v4, header.client) || !parse_end(words[2], v4, header.server))
    return malformed("a wrong address");
  if (!parse_port(words[3], header.client_port) || !parse_port(words[4], header.server_port))
    return malformed("a wrong port");
  return complete(octets, header);
}

ProxyParse parse_version1(std::string_view octets) {
  const std::string_view within = octets.substr(0, kMostOctets1);
  const std::size_t lf = within.find('\n');
  if (lf == std::string_view::npos) {
    if (octets.size() >= kMostOctets1) return malformed("a line without an end");
    return {};
  }
  if (within[lf - 1] != '\r') return malformed("a line that ends with a bare LF");
  return parse_line(within.substr(0, lf - 1));
}

IpAddress address_at(std::string_view octets, std::size_t at, bool v4) {
  if (v4) return boost::asio::ip::address_v4(big_endian32(octets, at));
  boost::asio::ip::address_v6::bytes_type bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>(octets[at + i]);
  return plain_ip(boost::asio::ip::address_v6(bytes));
}

ProxyHeader ends_at(std::string_view octets, bool v4) {
  const std::size_t width = v4 ? 4 : 16;
  ProxyHeader header;
  header.has_ends = true;
  header.client = address_at(octets, kFixed2, v4);
  header.server = address_at(octets, kFixed2 + width, v4);
  header.client_port = big_endian16(octets, kFixed2 + 2 * width);
  header.server_port = big_endian16(octets, kFixed2 + 2 * width + 2);
  return header;
}

/// What is wrong with the TLVs from `at` on; empty: nothing.
std::string_view judge_tlvs(std::string_view whole, std::size_t at) {
  while (at < whole.size()) {
    if (whole.size() - at < kTlvHead) return "a TLV that is cut off";
    const std::size_t length = big_endian16(whole, at + 1);
    const std::size_t value = at + kTlvHead;
    if (whole.size() - value < length) return "a TLV that is cut off";
    if (octet(whole, at) == kTlvCrc32c) {
      if (length != 4) return "a CRC32c that is none";
      // Section 2.2.4: of the whole header, with zeroes in its own place.
      std::string zeroed(whole);
      zeroed.replace(value, 4, 4, '\0');
      if (crc32c(zeroed) != big_endian32(whole, value)) return "a wrong CRC32c";
    }
    at = value + length;
  }
  return {};
}

ProxyParse parse_version2(std::string_view octets) {
  if (octets.size() < kFixed2) return {};
  if (octet(octets, 12) >> 4U != 2) return malformed("a version that there is not");
  const unsigned command = octet(octets, 12) & 0xfU;
  if (command > 1) return malformed("a command that there is not");
  const std::size_t length = big_endian16(octets, 14);
  if (kFixed2 + length > kMostProxyOctets) return malformed("a header that is too long");
  if (octets.size() < kFixed2 + length) return {};
  const std::string_view whole = octets.substr(0, kFixed2 + length);
  ProxyHeader header;
  header.is_local = command == 0;
  // Of LOCAL everything that follows is to be ignored, addresses and family too.
  if (header.is_local) return complete(whole.size(), header);
  const unsigned family = octet(octets, 13) >> 4U;
  const unsigned transport = octet(octets, 13) & 0xfU;
  if (family > 3 || transport > 2) return malformed("a protocol that there is not");
  if (transport == 2) return malformed("a datagram");
  constexpr std::array<std::size_t, 4> kEnds = {0, kEnds4, kEnds6, kEndsUnix};
  if (length < kEnds[family]) return malformed("addresses that are cut off");
  // UNSPEC: how long its addresses are nobody knows, so that there are no TLVs to be found.
  const std::string_view wrong =
      family == 0 ? std::string_view() : judge_tlvs(whole, kFixed2 + kEnds[family]);
  if (!wrong.empty()) return malformed(wrong);
  if (transport == 1 && (family == 1 || family == 2)) header = ends_at(whole, family == 1);
  return complete(whole.size(), header);
}

}  // namespace

ProxyParse parse_proxy_header(std::string_view octets) {
  if (octets.empty()) return {};
  if (begins_like(octets, kSignature1)) {
    return octets.size() < kSignature1.size() ? ProxyParse() : parse_version1(octets);
  }
  if (begins_like(octets, kSignature2)) {
    return octets.size() < kSignature2.size() ? ProxyParse() : parse_version2(octets);
  }
  return malformed("no PROXY header");
}

}  // namespace postern::smtp
