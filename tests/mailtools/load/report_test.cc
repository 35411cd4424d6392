// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/report.h"

#include "mailtools/load/arrived.h"
#include "mailtools/load/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace postern::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

Outcome outcome() {
  Outcome out;
  out.run = "run1";
  out.ended = "messages";
  out.counted = net::TimePoint(seconds(100));
  out.figures.last_end = net::TimePoint(seconds(110));
  out.figures.sent = 1000;
  out.figures.accepted = 990;
  out.figures.failed = 10;
  out.figures.octets = 990 * 1024;
  for (int i = 1; i <= 990; ++i)
    out.figures.letter.record(milliseconds(i));
  return out;
}

Options options() {
  Options out;
  out.sessions = 20;
  return out;
}

Failure refused(int code, std::string text) {
  return Failure{Failure::Kind::refused,
                 smtp::ClientStep::rcpt,
                 smtp::Reply(code, {}, Text(std::move(text))),
                 {}};
}

TEST(Report, RatesAreByTheTimeBetweenWarmUpAndLastReply) {
  const Outcome found = outcome();
  EXPECT_DOUBLE_EQ(found.seconds(), 10);
  EXPECT_DOUBLE_EQ(found.accepted_rate(), 99);
  EXPECT_FALSE(found.all_well());
}

TEST(Report, WithoutASinkNothingIsSaidOfArrivals) {
  Outcome found = outcome();
  EXPECT_THAT(json_report(options(), found), Not(HasSubstr("delivered")));
  EXPECT_THAT(json_report(options(), found), Not(HasSubstr("end_to_end")));
  found.deliveries.emplace();
  EXPECT_THAT(json_report(options(), found), HasSubstr("\"end_to_end\": {\"count\": 0}"));
  EXPECT_THAT(text_report(options(), found), HasSubstr("arrived      0 letters"));
}

TEST(Report, ARecipientThatDidNotArriveIsNotWell) {
  Outcome found;
  found.figures.sent = found.figures.accepted = 10;
  found.figures.recipients_accepted = 30;
  EXPECT_TRUE(found.all_well());
  found.deliveries.emplace();
  found.deliveries->letters = 10;
  found.deliveries->recipients = 29;
  EXPECT_EQ(found.letters_missing(), 0U);
  EXPECT_EQ(found.recipients_missing(), 1U);
  EXPECT_FALSE(found.all_well());
  found.deliveries->recipients = 31;  // a copy
  EXPECT_TRUE(found.all_well());
}

TEST(Report, AnIpv6ServerStandsInBrackets) {
  Options asked = options();
  asked.server = "::1";
  asked.port = 2525;
  EXPECT_THAT(json_report(asked, outcome()), HasSubstr("\"server\": \"[::1]:2525\""));
  EXPECT_THAT(text_report(asked, outcome()), testing::StartsWith("[::1]:2525, "));
}

TEST(Report, PercentilesAreInMilliseconds) {
  const std::string json = json_report(options(), outcome());
  const std::string before = "\"letter\": {\"count\": 990, \"p50\": ";
  const std::size_t at = json.find(before);
  ASSERT_NE(at, std::string::npos) << json;
  EXPECT_NEAR(std::stod(json.substr(at + before.size())), 495, 4);
  EXPECT_THAT(json, HasSubstr("\"max\": 990.0000"));
}

TEST(Report, WhatAServerSaidCannotBreakTheJson) {
  EXPECT_EQ(json_text("a\"b\\c\n\x01\xff"), "\"a\\\"b\\\\c\"");
}

TEST(Report, AnErrorsExampleIsTheFirstAndTheyAreBounded) {
  Errors errors;
  errors.add(refused(450, "first"));
  errors.add(refused(450, "second"));
  ASSERT_EQ(errors.rows().size(), 1U);
  EXPECT_EQ(errors.rows().begin()->second.count, 2U);
  EXPECT_EQ(errors.rows().begin()->second.example, "450 first");
  for (int code = 400; code < 600; ++code)
    errors.add(refused(code, "x"));
  EXPECT_LE(errors.rows().size(), Errors::kMost + 1);
  Errors merged;
  merged.merge(errors);
  merged.merge(errors);
  std::uint64_t count = 0;
  for (const auto& [key, row] : merged.rows())
    count += row.count;
  EXPECT_EQ(count, 2U * 202);
}

TEST(Arrived, LettersAreCountedOnceAndCopiesApart) {
  Arrived arrived("run1");
  const net::TimePoint moment{seconds(5)};
  const std::string due = std::to_string(net::TimePoint(seconds(4)).time_since_epoch().count());
  const auto head = [&](const std::string& run, int number, int counted) {
    return "Subject: x\r\nX-Postern-Load: " + run + " " + std::to_string(number) + " " + due + " " +
           std::to_string(counted) + "\r\n\r\n";
  };
  arrived.count(head("run1", 7, 1), 2, moment);
  arrived.count(head("run1", 7, 1), 1, moment);
  arrived.count(head("run1", 8, 1), 1, moment);
  arrived.count(head("run1", 9, 0), 1, moment);
  arrived.count(head("run2", 9, 1), 1, moment);
  arrived.count("Subject: x\r\n\r\n", 1, moment);
  arrived.count(head("run1", 2'000'000'000, 1), 1, moment);
  const Deliveries found = arrived.deliveries();
  EXPECT_EQ(found.letters, 3U);
  EXPECT_EQ(found.copies, 1U);
  EXPECT_EQ(found.recipients, 5U);
  EXPECT_EQ(found.strangers, 2U);
  EXPECT_EQ(found.end_to_end.max(), seconds(1));
  EXPECT_EQ(arrived.total(), 7U);
}

/// Each element is closed in its order, and no text holds what would begin one.
void expect_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const std::size_t end = xml.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = xml.substr(at + 1, end - at - 1);
    ASSERT_EQ(tag.find('<'), std::string::npos) << tag;
    if (tag.starts_with('/')) {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(tag.substr(1), open.back());
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Plot, ACurveForEachLatencyWithAxesAndUnits) {
  const std::string svg = plot_outcome(options(), outcome());
  expect_well_formed(svg);
  for (const char* text : {">letter<", ">99 %<", ">10 ms<", ">1 s<", "latency", "20 sessions"})
    EXPECT_THAT(svg, HasSubstr(text));
  EXPECT_THAT(svg, HasSubstr("<polyline"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(Plot, TextsAreEscapedAndNothingIsAPlotToo) {
  Histogram one;
  one.record(milliseconds(3));
  expect_well_formed(plot_latencies("<a & \"b\">",
                                    {
                                        Curve{"<x>", &one}
  }));
  const std::string none = plot_latencies("none", {});
  expect_well_formed(none);
  EXPECT_THAT(none, HasSubstr("nothing was measured"));
}

}  // namespace
}  // namespace postern::load
