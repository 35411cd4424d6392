// SPDX-License-Identifier: Apache-2.0
#include "smtp/proxy_header.h"

#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::smtp {
namespace {

using State = ProxyParse::State;

std::string number(std::uint64_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string tlv(unsigned char type, const std::string& value) {
  return static_cast<char>(type) + number(value.size(), 2) + value;
}

/// Section 2.2.
std::string version2(unsigned char command, unsigned char family, const std::string& rest) {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  return out + number(rest.size(), 2) + rest;
}

std::string ends4() {
  return number(0xc0000207, 4) + number(0x0a000019, 4) + number(50123, 2) + number(25, 2);
}

std::string with_crc(bool right) {
  std::string out = version2(0x21, 0x11, ends4() + tlv(0x04, "noop") + tlv(0x03, number(0, 4)));
  const std::uint32_t sum = crc32c(out) ^ (right ? 0U : 1U);
  return out.replace(out.size() - 4, 4, number(sum, 4));
}

TEST(ProxyHeader, Version1TellsBothEnds) {
  const std::string line = "PROXY TCP4 192.0.2.7 10.0.0.25 50123 25\r\n";
  const ProxyParse parse = parse_proxy_header(line + "EHLO c\r\n");
  ASSERT_EQ(parse.state, State::complete) << parse.why;
  EXPECT_EQ(parse.octets, line.size());
  EXPECT_TRUE(parse.header.has_ends);
  EXPECT_EQ(parse.header.client, parse_ip("192.0.2.7"));
  EXPECT_EQ(parse.header.client_port, 50123);
  EXPECT_EQ(parse.header.server, parse_ip("10.0.0.25"));
  EXPECT_EQ(parse.header.server_port, 25);
  const ProxyParse six = parse_proxy_header("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n");
  ASSERT_EQ(six.state, State::complete) << six.why;
  EXPECT_EQ(six.header.client, parse_ip("2001:db8::7"));
  EXPECT_EQ(six.header.server_port, 65535);
}

TEST(ProxyHeader, AnAddressThatIsMappedCountsAsIpv4) {
  const ProxyParse parse = parse_proxy_header("PROXY TCP6 ::ffff:10.0.0.5 ::1 1 25\r\n");
  ASSERT_EQ(parse.state, State::complete);
  EXPECT_EQ(parse.header.client, parse_ip("10.0.0.5"));
}

TEST(ProxyHeader, Version1MayNotKnowTheClient) {
  for (const std::string line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ff:: ff:: 1 2\r\n"}) {
    const ProxyParse parse = parse_proxy_header(line);
    ASSERT_EQ(parse.state, State::complete) << line;
    EXPECT_FALSE(parse.header.has_ends);
    EXPECT_EQ(parse.octets, line.size());
  }
}

TEST(ProxyHeader, Version2TellsBothEndsAndSkipsTlvs) {
  const std::string header = version2(0x21, 0x11, ends4() + tlv(0x20, std::string(300, 'x')));
  const ProxyParse parse = parse_proxy_header(header + "\x16\x03\x01");
  ASSERT_EQ(parse.state, State::complete) << parse.why;
  EXPECT_EQ(parse.octets, header.size());
  EXPECT_EQ(parse.header.client, parse_ip("192.0.2.7"));
  EXPECT_EQ(parse.header.client_port, 50123);
  EXPECT_EQ(parse.header.server, parse_ip("10.0.0.25"));
  EXPECT_EQ(parse.header.server_port, 25);
  const std::string six =
      std::string(15, '\0') + "\x01" + std::string(15, '\0') + "\x02" + number(7, 2) + number(8, 2);
  const ProxyParse of_six = parse_proxy_header(version2(0x21, 0x21, six));
  ASSERT_EQ(of_six.state, State::complete) << of_six.why;
  EXPECT_EQ(of_six.header.client, parse_ip("::1"));
  EXPECT_EQ(of_six.header.server, parse_ip("::2"));
  EXPECT_EQ(of_six.header.client_port, 7);
}

TEST(ProxyHeader, Version2WithoutEndsIsTheBalancersOwn) {
  const ProxyParse local = parse_proxy_header(version2(0x20, 0x11, "what is here is ignored"));
  ASSERT_EQ(local.state, State::complete) << local.why;
  EXPECT_TRUE(local.header.is_local);
  EXPECT_FALSE(local.header.has_ends);
  for (const std::string& header : {version2(0x21, 0x00, ""),
                                    version2(0x21, 0x00, "abc"),
                                    version2(0x21, 0x31, std::string(216, '/'))}) {
    const ProxyParse parse = parse_proxy_header(header);
    ASSERT_EQ(parse.state, State::complete) << parse.why;
    EXPECT_FALSE(parse.header.has_ends);
    EXPECT_FALSE(parse.header.is_local);
    EXPECT_EQ(parse.octets, header.size());
  }
}

TEST(ProxyHeader, AChecksumMustBeRight) {
  EXPECT_EQ(parse_proxy_header(with_crc(true)).state, State::complete);
  const ProxyParse wrong = parse_proxy_header(with_crc(false));
  EXPECT_EQ(wrong.state, State::malformed);
  EXPECT_EQ(wrong.why, "a wrong CRC32c");
}

TEST(ProxyHeader, WhatIsNotAllThereIsWaitedFor) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.7 10.0.0.25 50123 25\r\n"), with_crc(true)}) {
    for (std::size_t n = 0; n < header.size(); ++n)
      EXPECT_EQ(parse_proxy_header(header.substr(0, n)).state, State::incomplete) << n;
    EXPECT_EQ(parse_proxy_header(header).state, State::complete);
  }
}

TEST(ProxyHeader, WhatIsWrongIsNotBelieved) {
  const std::string four = "PROXY TCP4 ";
  for (const std::string& wrong : {std::string("EHLO c\r\n"),
                                   std::string("PROXY TCP5 a b 1 2\r\n"),
                                   std::string("PROXYX"),
                                   four + "192.0.2.7 10.0.0.25 50123\r\n",
                                   four + "192.0.2.7 10.0.0.25 50123 25 1\r\n",
                                   four + "192.0.2.7 10.0.0.25 50123 25\n",
                                   four + "192.0.2.7  10.0.0.25 1 25\r\n",
                                   four + "2001:db8::7 ::1 1 25\r\n",
                                   four + "192.0.2.300 10.0.0.25 1 25\r\n",
                                   four + "192.0.2.7 10.0.0.25 01 25\r\n",
                                   four + "192.0.2.7 10.0.0.25 65536 25\r\n",
                                   four + "192.0.2.7 10.0.0.25 -1 25\r\n",
                                   four + std::string(120, '1'),
                                   std::string("PROXY TCP6 fe80::1%lo ::1 1 2\r\n"),
                                   std::string("PROXY \r\n"),
                                   std::string("\r\n\r\nEHLO"),
                                   version2(0x31, 0x11, ends4()),
                                   version2(0x22, 0x11, ends4()),
                                   version2(0x21, 0x41, ends4()),
                                   version2(0x21, 0x12, ends4()),
                                   version2(0x21, 0x21, ends4()),
                                   version2(0x21, 0x11, ends4().substr(1)),
                                   version2(0x21, 0x11, ends4() + "\x04"),
                                   version2(0x21, 0x11, ends4() + std::string("\x04\xff\xff", 3)),
                                   version2(0x21, 0x11, ends4() + tlv(0x03, "12345")),
                                   version2(0x21, 0x11, std::string(8193, '\0'))}) {
    const ProxyParse parse = parse_proxy_header(wrong);
    EXPECT_EQ(parse.state, State::malformed) << wrong;
    EXPECT_FALSE(parse.why.empty()) << wrong;
  }
}

}  // namespace
}  // namespace postern::smtp
