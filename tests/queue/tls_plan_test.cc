// SPDX-License-Identifier: Apache-2.0
#include "queue/tls_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace postern::queue {
namespace {

using routing::TlsLevel;
using Tls = smtp::ClientProfile::Tls;

TlsQuestion of_config(TlsLevel level) {
  TlsQuestion out;
  out.level = level;
  out.host = "mx.company.ru";
  return out;
}

TEST(TlsPlan, LevelsThatAskNobodyArePlannedAtOnce) {
  EXPECT_EQ(plan_at_once(of_config(TlsLevel::none))->level, Tls::none);
  EXPECT_EQ(plan_at_once(of_config(TlsLevel::may))->level, Tls::may);
  EXPECT_EQ(plan_at_once(of_config(TlsLevel::encrypt))->level, Tls::encrypt);
  const TlsPlan verify = *plan_at_once(of_config(TlsLevel::verify));
  EXPECT_EQ(verify.level, Tls::encrypt);
  ASSERT_TRUE(verify.check);
  EXPECT_TRUE(verify.check->chain && verify.check->must);
  EXPECT_EQ(verify.check->names, std::vector<std::string>{"mx.company.ru"});
  for (const TlsLevel level : {TlsLevel::dane, TlsLevel::dane_only, TlsLevel::sts})
    EXPECT_FALSE(plan_at_once(of_config(level)));
}

TEST(TlsPlan, ThePlanOfManyHostsIsThatOfEach) {
  for (const TlsLevel level : {TlsLevel::none, TlsLevel::may, TlsLevel::encrypt}) {
    const TlsPlanPtr common = common_plan(level, {});
    ASSERT_TRUE(common);
    EXPECT_EQ(common->level, plan_at_once(of_config(level))->level);
    EXPECT_EQ(common->key, plan_at_once(of_config(level))->key);
    EXPECT_FALSE(common->secure);
  }
  EXPECT_FALSE(common_plan(TlsLevel::verify, {}));
  routing::TlsSettings named;
  named.names = {"mx.other.ru"};
  EXPECT_FALSE(common_plan(TlsLevel::may, named)) << "it has an SNI of its own";
}

TEST(TlsPlan, WhatIsVerifiedOtherwiseHasAnotherKey) {
  using Change = std::function<void(TlsQuestion&)>;
  const Change changes[] = {
      [](TlsQuestion& q) { q.level = TlsLevel::none; },
      [](TlsQuestion& q) { q.level = TlsLevel::may; },
      [](TlsQuestion& q) { q.level = TlsLevel::encrypt; },
      [](TlsQuestion&) {},
      [](TlsQuestion& q) { q.host = "mx2.company.ru"; },
      [](TlsQuestion& q) { q.settings.ca = "/ca.pem"; },
      [](TlsQuestion& q) { q.settings.names = {"mx.other.ru"}; },
      [](TlsQuestion& q) {
        q.settings.names = {"mx.other.ru", "mx.company.ru"};
      },
      [](TlsQuestion& q) { q.settings.pins = {std::string(32, 'a')}; },
      [](TlsQuestion& q) { q.settings.pins = {std::string(32, 'b')}; },
      [](TlsQuestion& q) {
        q.settings.pins = {std::string(32, 'a'), std::string(32, 'b')};
      },
  };
  std::set<std::string> keys;
  for (const Change& change : changes) {
    TlsQuestion question = of_config(TlsLevel::verify);
    change(question);
    const std::string key = plan_at_once(question)->key;
    EXPECT_TRUE(keys.insert(key).second) << key;
  }
}

TEST(TlsPlan, IsSecureWhereTheServerIsVerifiedAndKnownToBeTheOne) {
  EXPECT_TRUE(plan_at_once(of_config(TlsLevel::verify))->secure);
  EXPECT_FALSE(plan_at_once(of_config(TlsLevel::encrypt))->secure);
  TlsQuestion mx = of_config(TlsLevel::verify);
  mx.domain = "company.ru";
  EXPECT_FALSE(plan_at_once(mx)->secure);
  mx.secure_mx = true;
  EXPECT_TRUE(plan_at_once(mx)->secure);
  mx.secure_mx = false;
  mx.settings.names = {"mx.company.ru"};
  EXPECT_TRUE(plan_at_once(mx)->secure);
}

TEST(TlsPlan, AMessagesOwnDemandMakesTheServerBeVerified) {
  for (const TlsLevel level : {TlsLevel::may, TlsLevel::encrypt}) {
    TlsQuestion question = of_config(level);
    question.require_tls = true;
    EXPECT_TRUE(plan_at_once(question)->secure);
    EXPECT_EQ(plan_at_once(question)->level, Tls::encrypt);
    question.domain = "company.ru";
    EXPECT_FALSE(plan_at_once(question)->secure) << "anybody may have said that it is the MX";
  }
  TlsQuestion never = of_config(TlsLevel::none);
  never.require_tls = true;
  EXPECT_EQ(plan_at_once(never)->level, Tls::none);
  EXPECT_FALSE(plan_at_once(never)->secure);
}

}  // namespace
}  // namespace postern::queue
