// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_request.h"

#include "gateway/control_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

std::string mistake_of(std::string_view line) {
  const Parsed<ControlRequest> parsed = parse_request(line);
  return parsed ? "" : parsed.error().text;
}

TEST(ControlRequest, ComesBackAsItWasWritten) {
  ControlRequest request;
  request.command = ControlCommand::bounce;
  request.filter.hop = "exchange";
  request.filter.sender = "";
  request.filter.recipient = "*@company.ru";
  request.filter.older = std::chrono::hours(4);
  request.filter.state = QueueState::deferred;
  request.filter.up_to = "0ABCDEFGHJKMN";
  request.dry_run = true;
  const std::string line = format_request(request);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Parsed<ControlRequest> parsed = parse_request(line);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
  EXPECT_EQ(*parsed, request);
}

TEST(ControlRequest, ReloadTakesAShareAndNothingOfTheQueues) {
  ControlRequest request;
  request.command = ControlCommand::reload;
  request.guard = 0.05;
  request.dry_run = true;
  EXPECT_EQ(*parse_request(format_request(request)), request);
  EXPECT_FALSE(changes_messages(ControlCommand::reload));
  EXPECT_EQ(parse_request(R"({"command":"reload"})")->guard, std::nullopt);
  for (const char* wrong : {R"({"command":"reload","guard":1.5})",
                            R"({"command":"reload","guard":-0.1})",
                            R"({"command":"reload","guard":"5%"})"}) {
    EXPECT_THAT(mistake_of(wrong), HasSubstr("a share from 0 to 1")) << wrong;
  }
  EXPECT_THAT(mistake_of(R"({"command":"reload","hop":"vk"})"), HasSubstr("neither"));
  EXPECT_THAT(mistake_of(R"({"command":"stats","guard":0.1})"), HasSubstr("belongs to reload"));
}

TEST(ControlRequest, HopsTakesAHopAndNothingElse) {
  ControlRequest request;
  request.command = ControlCommand::hops;
  EXPECT_EQ(*parse_request(format_request(request)), request);
  request.filter.hop = "vk";
  EXPECT_EQ(*parse_request(format_request(request)), request);
  EXPECT_FALSE(changes_messages(ControlCommand::hops));
  for (const char* wrong : {R"({"command":"hops","sender":"a@x"})",
                            R"({"command":"hops","ids":["0abcdefghjkmn"]})",
                            R"({"command":"hops","hop":"vk","all":true})"}) {
    EXPECT_THAT(mistake_of(wrong), HasSubstr("takes a hop, and nothing else")) << wrong;
  }
}

TEST(ControlRequest, TlsReportTakesADayAndNothingElse) {
  ControlRequest request;
  request.command = ControlCommand::tls_report;
  EXPECT_EQ(*parse_request(format_request(request)), request);
  request.day = "2026-11-30";
  request.send = true;
  EXPECT_EQ(*parse_request(format_request(request)), request);
  EXPECT_FALSE(changes_messages(ControlCommand::tls_report));
  EXPECT_THAT(mistake_of(R"({"command":"tls_report","hop":"vk"})"), HasSubstr("nothing else"));
  EXPECT_THAT(mistake_of(R"({"command":"stats","day":"2026-11-30"})"), HasSubstr("belong to"));
  EXPECT_THAT(mistake_of(R"({"command":"retry","all":true,"send":true})"), HasSubstr("belong to"));
}

TEST(ControlRequest, MetricsTakesNothing) {
  ControlRequest request;
  request.command = ControlCommand::metrics;
  EXPECT_EQ(*parse_request(format_request(request)), request);
  EXPECT_FALSE(changes_messages(ControlCommand::metrics));
  EXPECT_THAT(mistake_of(R"({"command":"metrics","hop":"vk"})"),
              HasSubstr("metrics takes neither"));
}

TEST(ControlRequest, TellsTheNullSenderFromNoFilter) {
  EXPECT_EQ(parse_request(R"({"command":"list"})")->filter.sender, std::nullopt);
  EXPECT_EQ(parse_request(R"({"command":"list","sender":""})")->filter.sender, "");
}

TEST(ControlRequest, RefusesWhatIsNoRequest) {
  for (const char* line : {"", "list", "[]", "{", "null", "{\"command\":\"list\"} {}"})
    EXPECT_THAT(mistake_of(line), HasSubstr("JSON object")) << line;
  EXPECT_THAT(mistake_of("{}"), HasSubstr("no \"command\""));
  EXPECT_THAT(mistake_of(R"({"command":"purge"})"), HasSubstr("no command \"purge\""));
  EXPECT_THAT(mistake_of(std::string(kLongestRequest + 1, ' ')), HasSubstr("too long"));
}

TEST(ControlRequest, RefusesAKeyThatItDoesNotKnowSinceItMightNarrowTheChoice) {
  EXPECT_THAT(mistake_of(R"({"command":"remove","all":true,"younger":5})"), HasSubstr("younger"));
}

TEST(ControlRequest, RefusesValuesOfTheWrongKind) {
  EXPECT_THAT(mistake_of(R"({"command":"list","hop":5})"), HasSubstr("\"hop\" must be a text"));
  EXPECT_THAT(mistake_of(R"({"command":"hold","ids":"x"})"), HasSubstr("\"ids\" must be a list"));
  EXPECT_THAT(mistake_of(R"({"command":"hold","ids":[1]})"), HasSubstr("\"ids\""));
  EXPECT_THAT(mistake_of(R"({"command":"list","older":-1})"), HasSubstr("\"older\""));
  EXPECT_THAT(mistake_of(R"({"command":"list","older":1.5})"), HasSubstr("\"older\""));
  EXPECT_THAT(mistake_of(R"({"command":"list","older":99999999999999999999})"),
              HasSubstr("\"older\""));
  EXPECT_THAT(mistake_of(R"({"command":"list","state":"lost"})"), HasSubstr("\"state\""));
  EXPECT_THAT(mistake_of(R"({"command":"hold","all":"yes"})"), HasSubstr("true or false"));
}

TEST(ControlRequest, ChangesNothingWithoutAChoice) {
  for (const char* command : {"hold", "release", "retry", "remove", "bounce"}) {
    const std::string name = std::string("\"command\":\"") + command + '"';
    EXPECT_THAT(mistake_of("{" + name + "}"), HasSubstr("takes ids, or filters, or all"));
    EXPECT_THAT(mistake_of("{" + name + R"(,"up_to":"0ABCDEFGHJKMN"})"), HasSubstr("takes ids"));
    EXPECT_THAT(mistake_of("{" + name + R"(,"ids":["0ABCDEFGHJKMN"],"hop":"x"})"),
                HasSubstr("takes ids"));
    EXPECT_EQ(mistake_of("{" + name + R"(,"all":true})"), "");
  }
}

TEST(ControlText, CarriesEveryOctet) {
  std::string octets;
  for (int i = 0; i < 256; ++i)
    octets += static_cast<char>(i);
  EXPECT_EQ(text_as_octets(octets_as_text(octets)), octets);
  EXPECT_EQ(text_as_octets("a\xe2\x82\xacz"), "a?z") << "no octet has that number";
  EXPECT_EQ(text_as_octets("\xc3"), "?");
}

}  // namespace
}  // namespace postern::gateway
