// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/listen.h"

#include "base/endpoint_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::sink {
namespace {

std::string read_back(std::string_view text) {
  const Result<net::Endpoint, SinkError> where = parse_listen(text);
  return where ? endpoint_text(*where) : "wrong: " + where.error().text;
}

TEST(Listen, AddressesWithPorts) {
  EXPECT_EQ(read_back("127.0.0.1:2525"), "127.0.0.1:2525");
  EXPECT_EQ(read_back("[::1]:0"), "[::1]:0");
  EXPECT_EQ(read_back(":25"), "0.0.0.0:25");
}

TEST(Listen, WhatIsNoneIsToldWithExamples) {
  for (const char* const text : {"",
                                 "2525",
                                 "localhost:25",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:x",
                                 "::1:25",
                                 "[127.0.0.1]:25"}) {
    EXPECT_THAT(read_back(text), ::testing::HasSubstr("[::1]:2525")) << text;
  }
}

}  // namespace
}  // namespace postern::sink
