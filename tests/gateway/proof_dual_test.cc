// SPDX-License-Identifier: Apache-2.0
// Dual delivery in the proof: who is on its list and who is not, and what loop tokens are worth.
#include "tests/gateway/proof_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::gateway::proof {
namespace {

using testing::Contains;
using testing::Not;

std::vector<std::string> codes_of(std::vector<Change> changes) {
  changes.push_back({"\"cutover\", ", "\"cutover\", \"dual_delivery\", "});
  const LoadResult loaded = parse(changed(changes));
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  std::vector<std::string> out;
  if (!loaded.config) return out;
  for (const Finding& finding : prove(*loaded.config).findings)
    out.push_back(finding.code);
  return out;
}

constexpr Change kDualList{"cutover = \"/dev/null\"\n",
                           "cutover = \"/dev/null\"\ndual_delivery = \"file:/dev/null\"\n"};

/// S9: the domain's route is asked for them alone.
TEST(ProofOfDualDelivery, WhoIsNotOnTheListIsFollowedToo) {
  EXPECT_THAT(codes_of({kDualList, kNoConnectorListener, kWrongSources}), Contains("loop"));
}

/// X forwards to U@T what G has sent it; the token tells that V has had it.
TEST(ProofOfDualDelivery, WithoutLoopGuardThereIsNoToken) {
  EXPECT_THAT(codes_of({kDualList}), Not(Contains("two-copies")));
  EXPECT_THAT(codes_of({
                  kDualList, {"\"loop_guard\", ", ""}
  }),
              Contains("two-copies"));
}

}  // namespace
}  // namespace postern::gateway::proof
