// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint_text.h"

#include "base/host_name.h"

#include <gtest/gtest.h>

#include <array>
#include <unistd.h>

namespace postern {
namespace {

TEST(EndpointText, Ipv6StandsInBrackets) {
  EXPECT_EQ(host_port("10.0.0.5", 25), "10.0.0.5:25");
  EXPECT_EQ(host_port("2001:db8::5", 25), "[2001:db8::5]:25");
  EXPECT_EQ(host_port("mx.company.ru", 2525), "mx.company.ru:2525");
  EXPECT_EQ(bracketed("::1"), "[::1]");
  EXPECT_EQ(bracketed("10.0.0.5"), "10.0.0.5");
}

TEST(EndpointText, WhatIsWrittenIsRead) {
  for (const char* text : {"127.0.0.1:2525", "0.0.0.0:0", "[::1]:65535", "[2001:db8::5]:25"}) {
    const auto read = parse_endpoint(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(endpoint_text(*read), text);
  }
  EXPECT_EQ(endpoint_text(parse_endpoint("[::ffff:10.0.0.5]:25").value()), "10.0.0.5:25");
}

TEST(EndpointText, AnythingElseIsNone) {
  for (const char* text : {"",
                           "25",
                           ":25",
                           "10.0.0.5",
                           "10.0.0.5:",
                           "10.0.0.5:65536",
                           "10.0.0.5:-1",
                           "10.0.0.5:25 ",
                           "[10.0.0.5]:25",
                           "::1:25",
                           "[]:25",
                           "[::1]",
                           "mx.company.ru:25"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(HostName, IsTheKernels) {
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  EXPECT_EQ(host_name(), name[0] != '\0' ? name.data() : "localhost");
}

}  // namespace
}  // namespace postern
