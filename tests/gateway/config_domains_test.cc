// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_index.h"
#include "tests/gateway/config_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

/// Tables know domains by a number of 16 bits, two of which stand for something else.
TEST(Config, RefusesMoreDomainsThanThereAreNumbersFor) {
  constexpr unsigned kMost = routing::DomainIndex::kMostDomains;
  std::string text(kSmall);
  for (unsigned i = 1; i <= kMost; ++i)
    text += fmt::format("[[domain]]\nname = \"d{}.ru\"\nmailboxes = \"vk\"\n", i);
  const LoadResult result = parse(text);
  EXPECT_FALSE(result.config);
  ASSERT_EQ(result.findings.size(), 1U) << shown(result.findings);
  const Finding& finding = result.findings.front();
  EXPECT_EQ(finding.code, "too-many-domains");
  EXPECT_EQ(finding.key, "domain.name");
  EXPECT_EQ(finding.line, 23 + 3 * (kMost - 1));
  EXPECT_NE(finding.message.find("there are 65535 [[domain]]"), std::string::npos);
  EXPECT_NE(finding.message.find("`aliases`"), std::string::npos);
}

}  // namespace
}  // namespace postern::gateway
