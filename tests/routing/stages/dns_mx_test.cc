// SPDX-License-Identifier: Apache-2.0
#include "routing/own_identity.h"
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(DnsMx, R12LeadsToTheDomainsMxOrToTheLiteral) {
  const Config config = example_config();
  const auto stage = stages::make_dns_mx({&config, nullptr, nullptr});
  const auto target = [&](std::string_view to) {
    const Situation situation(config, {kService, to});
    const Verdict verdict = ask(*stage, situation.progress);
    const auto* route = std::get_if<RouteTo>(&verdict.what);
    return route != nullptr ? route->target.name() : verdict.reason.str();
  };
  EXPECT_EQ(target("sales@Corp.COM"), "mx:corp.com");
  EXPECT_EQ(target("sales@[IPv6:2001:db8::1]"), "mx:[ipv6:2001:db8::1]");
  EXPECT_THAT(target("i.ivanov@company.ru"), HasSubstr("not looked up"));
}

TEST(DnsMx, NoTlsPolicyCountsForATlsReport) {
  Config config = example_config();
  TlsPolicy policy;
  policy.domains = {"*"};
  policy.tls = TlsLevel::sts;
  config.tls_policies = {policy};
  const auto stage = stages::make_dns_mx({&config, nullptr, nullptr});
  const auto level = [&](std::string_view identity) {
    Situation situation(config, {kService, "tls@corp.com"});
    situation.request.identity = identity;
    const Verdict verdict = ask(*stage, situation.progress);
    const TlsPolicy* const found = std::get<RouteTo>(verdict.what).target.tls_policy;
    return found == nullptr ? TlsLevel::may : found->tls;
  };
  EXPECT_EQ(level("ann"), TlsLevel::sts);
  EXPECT_EQ(level("postern"), TlsLevel::sts);  // bounces
  EXPECT_EQ(level(kTlsReportIdentity), TlsLevel::may);
}

}  // namespace
}  // namespace postern::routing::testing
