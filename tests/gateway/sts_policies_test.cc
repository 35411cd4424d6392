// SPDX-License-Identifier: Apache-2.0
// MTA-STS policies in the words of deliveries.
#include "gateway/sts_policies.h"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using mta_sts::Verdict;
using Kind = mta_sts::Verdict::Kind;

TEST(StsPolicies, APolicyComesWithItsLines) {
  Verdict verdict;
  verdict.kind = Kind::found;
  verdict.policy = {mta_sts::Mode::enforce, std::chrono::seconds(5), {"mx.example.com"}};
  verdict.id = "7";
  const queue::StsVerdict out = sts_verdict(verdict);
  EXPECT_TRUE(out.found);
  EXPECT_EQ(out.mode, queue::StsVerdict::Mode::enforce);
  EXPECT_EQ(out.mx, std::vector<std::string>{"mx.example.com"});
  EXPECT_EQ(out.id, "7");
  EXPECT_EQ(out.lines.at(1), "mode: enforce");
  EXPECT_EQ(out.failure, tls::Failure::none);
}

TEST(StsPolicies, WhatCannotBeHadHasItsResultType) {
  const auto failure_of = [](Kind kind) {
    Verdict verdict;
    verdict.kind = kind;
    const queue::StsVerdict out = sts_verdict(verdict);
    EXPECT_FALSE(out.found);
    return tls::failure_name(out.failure);
  };
  EXPECT_EQ(failure_of(Kind::none), "");
  EXPECT_EQ(failure_of(Kind::unreachable), "sts-policy-fetch-error");
  EXPECT_EQ(failure_of(Kind::invalid), "sts-policy-invalid");
  EXPECT_EQ(failure_of(Kind::untrusted), "sts-webpki-invalid");
}

}  // namespace
}  // namespace postern::gateway
