// SPDX-License-Identifier: Apache-2.0
// [[plugin]]: shared objects that are refused, and what the stages of sound ones do.
#include "gateway/proof/prove.h"
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

using testing::HasSubstr;

std::string plugin_path(const std::string& name) {
  return std::string(POSTERN_TEST_PLUGINS) + "/" + name + ".so";
}
std::string plugin(const std::string& name, const std::string& more = "") {
  return "[[plugin]]\npath = \"" + plugin_path(name) + "\"\n" + more;
}
std::string stages(const std::string& list) {
  return "[routing]\nstages = [" + list + "]\n";
}

/// The config kSmall with more behind it, as load_config reads it.
LoadResult load(const std::string& more) {
  return load_config_text(std::string(kSmall) + more, "t.toml", Environment{});
}

/// The one error that loading finds.
Finding error_of(const std::string& more) {
  const LoadResult loaded = load(more);
  EXPECT_FALSE(loaded.config);
  EXPECT_EQ(loaded.findings.size(), 1U) << shown(loaded.findings);
  return loaded.findings.empty() ? Finding() : loaded.findings.front();
}

struct Refused {
  std::string name;
  std::string code;
  std::string message;
};
std::ostream& operator<<(std::ostream& out, const Refused& one) {
  return out << one.name;
}

class PluginRefused : public testing::TestWithParam<Refused> {};

TEST_P(PluginRefused, IsOneErrorAtItsPath) {
  const Finding finding = error_of(plugin(GetParam().name));
  EXPECT_EQ(finding.line, 23U);
  EXPECT_EQ(finding.key, "plugin.path");
  EXPECT_EQ(finding.code, GetParam().code);
  EXPECT_THAT(finding.message, HasSubstr(GetParam().message));
  EXPECT_THAT(finding.message, HasSubstr(plugin_path(GetParam().name)));
}

// clang-format off
const Refused kRefused[] = {
    {"not_there", "missing-plugin", "No such file"},
    {"no_symbol", "bad-plugin", "does not export postern_plugin"},
    {"other_version", "plugin-version", "built for version 2 of postern/plugin.h, this is version 1"},
    {"other_toolchain", "plugin-toolchain", "built by cfront 3, postern by "},
    {"other_header", "plugin-version", "another postern/plugin.h"},
    {"no_stage", "plugin-fails", "brings no stage: it has none"},
    {"throws_at_load", "plugin-fails", "not on a Monday"},
    {"bad_name", "plugin-fails", "\"two words\" is no name of a stage"},
    {"verdicts", "duplicate-stage", "replaces = [\"lists\"]"},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(Table, PluginRefused, testing::ValuesIn(kRefused), [](const auto& info) {
  return info.param.name;
});

TEST(PluginConfigTest, AFileThatIsNoSharedObjectIsRefused) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("postern-so-" + std::to_string(::getpid())))
          .string();
  std::ofstream(path) << "#!/bin/sh\necho I am no library\n";
  const Finding finding = error_of("[[plugin]]\npath = \"" + path + "\"\n");
  std::filesystem::remove(path);
  EXPECT_EQ(finding.code, "bad-plugin");
  EXPECT_THAT(finding.message, HasSubstr("cannot be loaded"));
}

TEST(PluginConfigTest, PathsAndOptionsHaveTheirForm) {
  EXPECT_EQ(error_of("[[plugin]]\n").code, "missing-key");
  EXPECT_EQ(error_of("[[plugin]]\npath = \"vip.so\"\n").code, "bad-value");
  const Finding option = error_of("[[plugin]]\npath = \"/x.so\"\noptions = { a = 7 }\n");
  EXPECT_EQ(option.code, "wrong-type");
  EXPECT_EQ(option.line, 24U);
  EXPECT_THAT(option.message, HasSubstr("write a = \"...\""));
}

TEST(PluginConfigTest, AStageThatCannotBeMadeIsAnErrorWhereItIsListedAndOnlyThere) {
  const std::string vip = plugin("vip", "options = { next_hop = \"board\" }\n");
  EXPECT_TRUE(load(vip).config);
  const Finding finding = error_of(vip + stages("\"vip\""));
  EXPECT_EQ(finding.code, "plugin-fails");
  EXPECT_EQ(finding.line, 23U);
  EXPECT_THAT(finding.message, HasSubstr("option next_hop = \"board\" is no next hop"));
  const std::string null = "replaces = [\"lists\"]\noptions = { null = \"yes\" }\n";
  EXPECT_THAT(error_of(plugin("verdicts", null) + stages("\"obedient\"")).message,
              HasSubstr("it made no stage"));
}

TEST(PluginConfigTest, StagesThatNobodyBringsAreUnknownAndTheMessageKnowsThePlugins) {
  const std::string vip = plugin("vip", "options = { next_hop = \"vk\" }\n");
  const Finding finding = error_of(vip + stages("\"vipp\""));
  EXPECT_EQ(finding.code, "unknown-stage");
  EXPECT_THAT(finding.message, HasSubstr("write \"vip\""));
  EXPECT_EQ(error_of(vip + stages("\"vip\", \"vip\"")).code, "duplicate-stage");
  EXPECT_EQ(error_of(vip + vip).code, "duplicate-stage");
}

TEST(PluginConfigTest, ReadingAConfigLoadsNothing) {
  const LoadResult parsed =
      parse(std::string(kSmall) + plugin("not_there") + stages("\"whatever\""));
  ASSERT_TRUE(parsed.config) << shown(parsed.findings);
  EXPECT_EQ(parsed.config->plugins.size(), 1U);
  EXPECT_EQ(parsed.config->routing.more_stages, nullptr);
}

routing::Decision decide(const std::string& more, std::string_view to, bool has_client = false) {
  LoadResult loaded = load(more);
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  if (!loaded.config) return {};
  const auto snapshot = Snapshot::build(std::move(*loaded.config));
  EXPECT_TRUE(snapshot) << (snapshot ? "" : shown(snapshot.error()));
  if (!snapshot) return {};
  const smtp::Sender sender{smtp::ReversePath(*smtp::Mailbox::parse("nina@corp.com")), {}};
  routing::Request request;
  request.client = *parse_ip("10.0.0.5");
  request.listener = "mx";
  request.sender = &sender;
  request.recipient = *smtp::Mailbox::parse(to);
  if (has_client) {
    request.session.emplace();
    request.session->helo = "ex.company.ru";
  }
  routing::Decision out = *(*snapshot)->pipeline().decide_now(request);
  // What points into the snapshot goes with it.
  for (routing::TraceStep& step : out.trace) {
    step.reason = step.reason.str();
    step.stage = {};
    step.verdict = {};
  }
  return out;
}

const std::string kObedient = plugin("verdicts", "replaces = [\"lists\"]\n") +
                              stages("\"relay_access\", \"obedient\", \"mailboxes\"");

std::string outcome(std::string_view to) {
  const routing::Decision decision = decide(kObedient, to);
  const std::string reason(decision.reason());
  switch (decision.kind) {
    case routing::DecisionKind::route:
      return decision.recipient_out.text() + ": " + reason;
    case routing::DecisionKind::discard:
      return "discard: " + reason;
    default:
      return decision.reply.line() + ": " + reason;
  }
}

TEST(PluginStage, SaysWhatAStageMaySay) {
  EXPECT_EQ(outcome("route@company.ru"), "route@company.ru: routed");
  EXPECT_EQ(outcome("defer@company.ru"), "451 4.7.1 later: deferred");
  EXPECT_EQ(outcome("discard@company.ru"), "discard: discarded");
  EXPECT_EQ(decide(kObedient, "bind@company.ru").trace.at(1).reason.view(), "bound");
  EXPECT_THAT(outcome("rewrite@company.ru"), HasSubstr("other@tech.company.ru"));
}

TEST(PluginStage, ItsRepliesAreWellFormedWhateverItSays) {
  EXPECT_EQ(outcome("reject@company.ru"), "551 5.1.1 go 250 a way: rejected");
  EXPECT_EQ(outcome("reject.oddly@company.ru"), "550 5.7.1 no: rejected");
}

TEST(PluginStage, WhatItGetsWrongDefersAndSaysSo) {
  const std::string later = "451 4.3.0 this recipient cannot be checked now; try again later: ";
  const std::string failed = later + "the plug-in's stage failed: ";
  EXPECT_EQ(outcome("throw@company.ru"), failed + "it threw: thrown in two lines");
  EXPECT_EQ(outcome("throw.int@company.ru"), failed + "it threw");
  EXPECT_EQ(outcome("route.nowhere@company.ru"), failed + "it routes to \"nowhere\", no next hop");
  EXPECT_EQ(outcome("rewrite.badly@company.ru"), failed + "\"not an address\" is no address");
}

TEST(PluginStage, SeesTheRecipientTheClientAndTheSession) {
  const routing::Decision decision = decide(kObedient, "told@tech.company.ru", true);
  EXPECT_EQ(decision.told(),
            "told|tech.company.ru|told@tech.company.ru|company.ru|alias|nina@corp.com|10.0.0.5|"
            "exchange |mx|client ex.company.ru");
  EXPECT_THAT(decide(kObedient, "x@company.ru").trace.at(1).reason.str(), HasSubstr("|mx|nobody"));
}

TEST(PluginStage, OneThatReplacesABuiltInOneIsAskedInItsPlace) {
  const std::string all = plugin("verdicts", "replaces = [\"lists\"]\n");
  EXPECT_EQ(decide(all, "u@company.ru").kind, routing::DecisionKind::discard);
}

TEST(PluginStage, OpensNoRelayR1) {
  const std::string first = plugin("verdicts", "replaces = [\"lists\"]\n") +
                            stages("\"obedient\", \"mailboxes\"") +
                            "[[listener]]\nname = \"two\"\nbind = \"127.0.0.1:26\"\n";
  LoadResult loaded = load(first);
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const auto snapshot = Snapshot::build(std::move(*loaded.config));
  routing::Request request;
  request.client = *parse_ip("203.0.113.9");
  request.recipient = *smtp::Mailbox::parse("route@other.com");
  EXPECT_EQ((*snapshot)->pipeline().decide_now(request)->reply.line(), "550 5.7.1 relaying denied");
}

TEST(PluginProof, FollowsLettersThroughItsStages) {
  const std::string vip = plugin("vip", "options = { next_hop = \"vk\", prefix = \"user\" }\n");
  const LoadResult loaded = load(vip + stages("\"loop_guard\", \"relay_access\", \"tech_alias\", "
                                              "\"vip\", \"custom_route\", \"mailboxes\", "
                                              "\"dns_mx\""));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const proof::Proof proof = proof::prove(*loaded.config);
  EXPECT_GT(proof.letters, 0U);
  // Users who are in X alone: their mail would go to V.
  EXPECT_THAT(shown(proof.findings), HasSubstr("-[vip]-> vk"));
}

}  // namespace
}  // namespace postern::gateway
