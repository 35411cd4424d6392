// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/control_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::sink {
namespace {

using Kind = ControlRequest::Kind;
using ::testing::HasSubstr;

ControlRequest request_of(std::string_view line) {
  Result<ControlRequest, FaultError> request = parse_control(line);
  EXPECT_TRUE(request) << line << ": " << (request ? "" : request.error().text);
  return request ? *std::move(request) : ControlRequest{};
}

std::string mistake_in(std::string_view line) {
  const Result<ControlRequest, FaultError> request = parse_control(line);
  EXPECT_FALSE(request) << line;
  return request ? "" : request.error().text;
}

TEST(ControlRequest, PlainOnes) {
  EXPECT_EQ(request_of("count").kind, Kind::count);
  EXPECT_EQ(request_of("  list \r").kind, Kind::list);
  EXPECT_EQ(request_of("pause").kind, Kind::pause);
  EXPECT_EQ(request_of("resume").kind, Kind::resume);
}

TEST(ControlRequest, Numbers) {
  EXPECT_EQ(request_of("clear").number, 0U);
  EXPECT_EQ(request_of("clear 7").number, 7U);
  EXPECT_EQ(request_of("last").number, 1U);
  EXPECT_EQ(request_of("last 20").number, 20U);
  EXPECT_EQ(request_of("wait messages>=12 3s").number, 12U);
  EXPECT_EQ(request_of("wait messages>=12 3s").span, std::chrono::seconds(3));
  EXPECT_EQ(request_of("wait messages>=0").span, kDefaultWait);
}

TEST(ControlRequest, FaultsAreThoseOfTheOptions) {
  const ControlRequest request = request_of("fail rcpt:450:text=later, please");
  EXPECT_EQ(request.kind, Kind::add);
  EXPECT_EQ(request.fault.reply.text(), "later, please");
  EXPECT_EQ(request_of("stall").fault.kind, Fault::Kind::stall);
  EXPECT_EQ(request_of("no-ext DSN,SIZE").fault.extensions.size(), 2U);
}

TEST(ControlRequest, WhatIsWrongIsToldWithWhatToWrite) {
  EXPECT_THAT(mistake_in(""), HasSubstr("write count, fail"));
  EXPECT_THAT(mistake_in("explode"), HasSubstr("write count, fail"));
  EXPECT_THAT(mistake_in("count all"), HasSubstr("alone"));
  EXPECT_THAT(mistake_in("clear all"), HasSubstr("number"));
  EXPECT_THAT(mistake_in("clear 0"), HasSubstr("number"));
  EXPECT_THAT(mistake_in("wait"), HasSubstr("messages>=3 10s"));
  EXPECT_THAT(mistake_in("wait messages>3"), HasSubstr("messages>=3 10s"));
  EXPECT_THAT(mistake_in("wait messages>=3 soon"), HasSubstr("200ms"));
  EXPECT_THAT(mistake_in("fail rcpt"), HasSubstr("STAGE:CODE"));
}

}  // namespace
}  // namespace postern::sink
