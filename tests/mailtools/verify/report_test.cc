// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/mx.h"
#include "mailtools/verify/outcome.h"
#include "mailtools/verify/probes.h"
#include "mailtools/verify/verify_run.h"
#include "plans.h"
#include "tests/dns/run.h"
#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

namespace postern::verify {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

std::vector<Row> some_rows() {
  Row good;
  good.name = "S1";
  good.title = "stays in X";
  good.verdict = Verdict::passed;
  good.paths = {"X:a@b: one -> two"};
  Row bad;
  bad.name = "S2";
  bad.verdict = Verdict::failed;
  bad.troubles = {
      {"x-forwarding", "V:a@b has none"}
  };
  Row none;
  none.name = "S10";
  none.why = "it needs an outage";
  return {good, bad, none};
}

TEST(VerifyReport, TextSaysWhatToLookAt) {
  std::ostringstream out;
  print_report(some_rows(), "pv-0a", false, out);
  EXPECT_THAT(
      out.str(),
      HasSubstr("PASS       S1                  stays in X\n    path      X:a@b: one -> two\n"));
  EXPECT_THAT(out.str(),
              HasSubstr("    V:a@b has none [x-forwarding]\n      Exchange has the letter"));
  EXPECT_THAT(out.str(), HasSubstr("      - guide, step 2:"));
  EXPECT_THAT(out.str(), HasSubstr("    why       it needs an outage\n"));
  EXPECT_TRUE(out.str().ends_with("1 passed, 1 failed, 1 not tested\n"));
}

TEST(VerifyReport, ColoursAreOfTheVerdictAlone) {
  std::ostringstream out;
  print_report(some_rows(), "", true, out);
  EXPECT_THAT(out.str(), HasSubstr("\x1b[31mFAIL      \x1b[0m S2 "));
  EXPECT_THAT(out.str(), HasSubstr("\x1b[33mNOT TESTED\x1b[0m S10 "));
}

TEST(VerifyReport, JsonHasTheSame) {
  const nlohmann::json report = nlohmann::json::parse(report_json(some_rows(), "pv-0a"));
  EXPECT_EQ(report["status"], 1);
  EXPECT_EQ(report["run"], "pv-0a");
  EXPECT_EQ(report["not_tested"], 1);
  EXPECT_EQ(report["rows"][1]["verdict"], "failed");
  EXPECT_EQ(report["rows"][1]["troubles"][0]["code"], "x-forwarding");
  EXPECT_GT(report["rows"][1]["troubles"][0]["look_at"].size(), 2U);
}

TEST(VerifyReport, StatusIsOfFailuresAlone) {
  std::vector<Row> rows = some_rows();
  EXPECT_EQ(status_of(rows), 1);
  rows.erase(rows.begin() + 1);
  EXPECT_EQ(status_of(rows), 0);
}

TEST(VerifyAdvice, EveryCodeIsThereOnceAndDocumented) {
  std::ifstream file(POSTERN_SOURCE_DIR "/docs/verify.md");
  std::stringstream docs;
  docs << file.rdbuf();
  std::set<std::string> codes;
  for (const Advice& one : all_advice()) {
    EXPECT_TRUE(codes.insert(one.code).second) << one.code;
    EXPECT_FALSE(one.look_at.empty()) << one.code;
    EXPECT_THAT(docs.str(), HasSubstr("| `" + one.code + "` |"));
  }
  EXPECT_EQ(find_advice("no-such-code"), nullptr);
}

TEST(VerifyOnly, ANameOrItsBeginning) {
  EXPECT_TRUE(is_chosen("S1", {}));
  EXPECT_TRUE(is_chosen("S1", {"S3", "S1"}));
  EXPECT_FALSE(is_chosen("S10", {"S1"}));
  EXPECT_TRUE(is_chosen("probe-size-x", {"probe"}));
  EXPECT_TRUE(is_chosen("probe-size-x", {"probe-size"}));
  EXPECT_FALSE(is_chosen("probe-size-x", {"probe-si"}));
}

TEST(VerifySizes, OfTheListenersThatCanFeedTheHop) {
  const gateway::Config config = gateway_config();
  const LargestListener old_server = largest_for(config, *config.routing.find_next_hop("exchange"));
  EXPECT_EQ(old_server.name, "mx") << "its own listener does not send to it";
  EXPECT_EQ(old_server.octets, 50ULL << 20);
  const LargestListener platform = largest_for(config, *config.routing.find_next_hop("vk"));
  EXPECT_EQ(platform.name, "exchange");
}

TEST(VerifyCertificate, Dates) {
  // 2026-12-01 00:00:00 UTC
  const auto now = std::chrono::system_clock::from_time_t(1796083200);
  const Validity good = validity_of("Nov  1 00:00:00 2026 GMT", "Dec 11 12:00:00 2026 GMT", now);
  EXPECT_TRUE(good.known);
  EXPECT_FALSE(good.expired || good.early);
  EXPECT_EQ(good.left.count(), 10);
  EXPECT_TRUE(validity_of("Nov  1 00:00:00 2025 GMT", "Nov 30 23:59:59 2026 GMT", now).expired);
  EXPECT_TRUE(validity_of("Dec  2 00:00:00 2026 GMT", "Dec 11 12:00:00 2027 GMT", now).early);
  EXPECT_FALSE(validity_of("", "soon", now).known);
}

class VerifyMx : public testing::Test {
 protected:
  const gateway::Config config_ = gateway_config();
  const Plan plan_ = plan_of("", config_).plan.value();

  static MailExchangers to(std::string name, const char* address) {
    MailExchangers out;
    out.hosts.push_back({std::move(name), {*parse_ip(address)}});
    return out;
  }
};

TEST_F(VerifyMx, TheAliasMustLeadToTheGateway) {
  EXPECT_EQ(judge_mx_alias(plan_, to("GW.company.ru.", "192.0.2.1")).verdict, Verdict::passed);
  EXPECT_EQ(judge_mx_alias(plan_, to("other.name", "203.0.113.10")).verdict, Verdict::passed);
  const Row wrong = judge_mx_alias(plan_, to("exchange.company.ru", "10.0.0.5"));
  EXPECT_EQ(wrong.verdict, Verdict::failed);
  EXPECT_EQ(wrong.troubles.front().code, "mx-alias");
  MailExchangers two = to("gw.company.ru", "203.0.113.10");
  two.hosts.push_back({"old.company.ru", {*parse_ip("10.0.0.5")}});
  EXPECT_EQ(judge_mx_alias(plan_, two).verdict, Verdict::failed) << "the second one takes mail too";
}

TEST_F(VerifyMx, AHostWithoutAnAddressLeadsNowhere) {
  MailExchangers none;
  none.hosts.push_back({"gw.company.ru", {}});
  EXPECT_EQ(judge_mx_alias(plan_, none).verdict, Verdict::failed) << "its name alone takes no mail";
}

MailExchangers exchangers_in(std::string_view zone) {
  test::ZoneResolver resolver(zone);
  net::IoContext io;
  return test::run(io, find_exchangers(resolver, "company.ru"));
}

TEST_F(VerifyMx, AHostThatDnsDoesNotTellOfSaysNothing) {
  const MailExchangers found = exchangers_in(
      "company.ru. MX 20 slow.company.ru.\nslow.company.ru. TIMEOUT\n"
      "company.ru. MX 10 ex.company.ru.\nex.company.ru. A 10.0.0.5\n");
  ASSERT_EQ(found.hosts.size(), 2U);
  EXPECT_EQ(found.hosts.front().name, "ex.company.ru");
  EXPECT_EQ(judge_mx_alias(plan_, found).verdict, Verdict::not_tested);
  EXPECT_EQ(exchangers_in("company.ru. MX 10 ex.company.ru.\nex.company.ru. A 10.0.0.5\n").status,
            dns::Status::ok);
}

TEST_F(VerifyMx, DnsThatDoesNotAnswerSaysNothing) {
  MailExchangers none;
  none.status = dns::Status::timed_out;
  EXPECT_EQ(judge_mx_alias(plan_, none).verdict, Verdict::not_tested);
  EXPECT_EQ(judge_mx_domain(plan_, none).verdict, Verdict::not_tested);
  none.status = dns::Status::nx_domain;
  EXPECT_EQ(judge_mx_alias(plan_, none).troubles.front().code, "mx-alias");
  EXPECT_EQ(judge_mx_domain(plan_, none).troubles.front().code, "mx-domain");
}

TEST_F(VerifyMx, TheDomainsMxIsShown) {
  const Row row = judge_mx_domain(plan_, to("ex.company.ru", "10.0.0.5"));
  EXPECT_EQ(row.verdict, Verdict::passed);
  EXPECT_EQ(row.found, "ex.company.ru (10.0.0.5)");
  EXPECT_THAT(row.why, HasSubstr("not lead to the gateway"));
}

}  // namespace
}  // namespace postern::verify
