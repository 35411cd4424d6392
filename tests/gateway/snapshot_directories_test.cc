// SPDX-License-Identifier: Apache-2.0
#include "directories/ask_pool.h"
#include "gateway/directories.h"
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

namespace postern::gateway {
namespace {

using routing::Decision;
using routing::DirectoryAnswer;
using routing::Presence;
using testing::HasSubstr;

constexpr std::string_view kAd =
    "[[directory]]\nname = \"ad\"\nkind = \"ldap\"\nservers = [\"ldap://dc1\"]\nbase = \"dc=x\"\n";

/// What every scripted server of these tests knows.
struct Server {
  std::mutex mutex;
  std::set<std::string> known;
  bool is_down = false;
  int sources = 0;
  int questions = 0;

  DirectoryAnswer answer(const std::string& name, const smtp::Mailbox& address) {
    const std::lock_guard lock(mutex);
    ++questions;
    if (is_down) return {Presence::unavailable, name + " (dc1): cannot connect"};
    const bool there = known.contains(address.text());
    return {there ? Presence::known : Presence::unknown, name + " (dc1)"};
  }
};

class ScriptedSource final : public directories::Source {
 public:
  ScriptedSource(Server& server, std::string name) : server_(server), name_(std::move(name)) {}
  DirectoryAnswer look_up(const smtp::Mailbox& address) override {
    return server_.answer(name_, address);
  }

 private:
  Server& server_;
  std::string name_;
};

class ScriptedCallout final : public routing::Directory {
 public:
  ScriptedCallout(Server& server, std::function<smtp::Mailbox(const smtp::Mailbox&)> given)
      : server_(server), given_(std::move(given)) {}
  bool is_immediate() const override { return false; }
  DirectoryAnswer look_up_now(const smtp::Mailbox&) const override { return {}; }
  net::Awaitable<DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return server_.answer("smtp vk", given_(mailbox));
  }

 private:
  Server& server_;
  std::function<smtp::Mailbox(const smtp::Mailbox&)> given_;
};

class SnapshotDirectories : public testing::Test {
 protected:
  SnapshotDirectories() {
    std::filesystem::create_directories(folder_);
    options_.tls = false;
    options_.settle = {};
    options_.makers.ldap = [this](const directories::Config& config) {
      return directories::SourceFactory([this, name = "ldap " + config.name] {
        const std::lock_guard lock(server_.mutex);
        ++server_.sources;
        return std::make_unique<ScriptedSource>(server_, name);
      });
    };
    options_.makers.smtp = [this](const directories::Config&, const Config& config) {
      return std::make_unique<ScriptedCallout>(server_, address_at_mailboxes(config.routing, "vk"));
    };
  }
  ~SnapshotDirectories() override {
    snapshot_.reset();
    directories::join_leftover_threads();
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  const Snapshot& build(const std::string& text) {
    LoadResult loaded = parse(text);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    auto made = Snapshot::build(std::move(*loaded.config), options_);
    EXPECT_TRUE(made) << shown(made.error());
    snapshot_ = *made;
    return *snapshot_;
  }
  static std::string config(std::string_view recipients, std::string_view domain = "") {
    return replaced(kSmall, "mailboxes = \"vk\"\n", "mailboxes = \"vk\"\n" + std::string(domain)) +
           std::string(kAd) + "[recipients]\n" + std::string(recipients);
  }
  Decision decide(std::string_view to) const {
    const smtp::Sender sender;
    routing::Request request;
    request.client = *parse_ip("203.0.113.9");
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = *smtp::Mailbox::parse(to);
    std::optional<Decision> now = snapshot_->pipeline().decide_now(request);
    at_once_ = now.has_value();
    if (now) return std::move(*now);
    net::IoContext io(1);
    Decision out;
    net::asio::co_spawn(io.get_executor(),
                        snapshot_->pipeline().decide(request),
                        [&out](const std::exception_ptr& error, Decision decision) {
                          if (error) std::rethrow_exception(error);
                          out = std::move(decision);
                        });
    io.run();
    return out;
  }
  /// "550", "451" or the next hop, and the reason of the stage that decided.
  std::string outcome(std::string_view to) const {
    const Decision decision = decide(to);
    if (decision.kind == routing::DecisionKind::route) return decision.target.name();
    return std::to_string(decision.reply.code()) + " " + decision.reply.status().str();
  }

  Server server_;
  Snapshot::Options options_;
  std::shared_ptr<const Snapshot> snapshot_;
  mutable bool at_once_ = false;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-dirs-" + std::to_string(::getpid()));
};

TEST_F(SnapshotDirectories, R8AsksTheServerOnceAndThenDecidesWithoutWaiting) {
  server_.known = {"anna@company.ru"};
  build(config("validate = true\ndirectory = \"ldap:ad\"\n"));
  EXPECT_EQ(outcome("Anna+x@tech.company.ru"), "vk");
  EXPECT_FALSE(at_once_);
  EXPECT_EQ(outcome("anna+X@tech.company.ru"), "vk");
  EXPECT_TRUE(at_once_);
  EXPECT_EQ(outcome("boris@tech.company.ru"), "550 5.1.1");
}

TEST_F(SnapshotDirectories, R8ADirectoryThatIsDownIs451AndItsEvidenceIsTheReason) {
  server_.is_down = true;
  build(config("validate = true\ndirectory = \"ldap:ad\"\n"));
  const Decision decision = decide("anna@tech.company.ru");
  EXPECT_EQ(decision.reply.code(), 451);
  EXPECT_EQ(decision.reply.status().str(), "4.4.3");
  EXPECT_EQ(decision.reason(), "ldap ad (dc1): cannot connect");
  EXPECT_EQ(decision.reply.text().find("dc1"), std::string::npos) << "clients are not told";
}

TEST_F(SnapshotDirectories, R9RedirectsWhomTheServerDoesNotKnowAndDefersWhileItIsDown) {
  server_.known = {"anna@company.ru"};
  build(config("unknown_redirect = \"exchange\"\ndirectory = \"ldap:ad\"\n"));
  EXPECT_EQ(outcome("anna@tech.company.ru"), "vk");
  EXPECT_EQ(outcome("boris@tech.company.ru"), "exchange");
  server_.is_down = true;
  EXPECT_EQ(outcome("clara@tech.company.ru"), "451 4.4.3");
  EXPECT_EQ(outcome("anna@tech.company.ru"), "vk") << "the cache still holds";
}

TEST_F(SnapshotDirectories, R5ACutoverListMayBeADirectoryAndIsNeverGuessed) {
  server_.known = {"anna@company.ru"};
  build(config("", "cutover = \"ldap:ad\"\n"));
  EXPECT_EQ(outcome("anna@company.ru"), "vk");
  EXPECT_EQ(outcome("boris@company.ru"), "exchange");
  const Decision anna = decide("anna@company.ru");
  EXPECT_TRUE(at_once_);
  const auto step = std::find_if(
      anna.trace.begin(), anna.trace.end(), [](const auto& one) { return one.stage == "cutover"; });
  ASSERT_NE(step, anna.trace.end());
  EXPECT_EQ(step->verdict, "bind");
  EXPECT_THAT(step->reason.str(), HasSubstr("cut over: ldap ad (dc1), "));
  server_.is_down = true;
  EXPECT_EQ(outcome("clara@company.ru"), "451 4.4.3");
}

TEST_F(SnapshotDirectories, R5AWaveMayHaveMembersThatADirectoryKnows) {
  server_.known = {"anna@company.ru"};
  const std::string wave = "[[wave]]\nname = \"pilot\"\nstate = \"cutover\"\nmembers = ";
  const std::string list = file("more.txt", "boris\n");
  build(config("") + wave + "\"any:ldap:ad file:" + list + "\"\n");
  EXPECT_EQ(outcome("Anna+x@company.ru"), "vk");
  EXPECT_EQ(outcome("boris@company.ru"), "vk");
  EXPECT_EQ(outcome("clara@company.ru"), "exchange");
  server_.is_down = true;
  EXPECT_EQ(outcome("dora@company.ru"), "451 4.4.3");
  options_.makers = {};
  LoadResult loaded = parse(config("") + wave + "\"ldap:ad\"\n");
  ASSERT_TRUE(loaded.config);
  const auto refused = Snapshot::build(std::move(*loaded.config), options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()[0].key, "wave.members");
}

TEST_F(SnapshotDirectories, ADomainMayHaveADirectoryOfItsOwn) {
  server_.known = {"anna@company.ru"};
  const std::string list = file("plant.txt", "boris@plant.ru\n");
  build(replaced(config("validate = true\ndirectory = \"ldap:ad\"\n"),
                 "[recipients]",
                 "[[domain]]\nname = \"plant.ru\"\nmailboxes = \"vk\"\ndirectory = \"file:" + list +
                     "\"\n[recipients]"));
  EXPECT_EQ(outcome("anna@tech.company.ru"), "vk");
  EXPECT_EQ(outcome("boris@plant.ru"), "vk");
  EXPECT_EQ(outcome("anna@plant.ru"), "550 5.1.1");
  file("plant.txt", "anna\n");
  snapshot_->refresh_files();
  EXPECT_EQ(outcome("anna@plant.ru"), "vk");
}

TEST_F(SnapshotDirectories, CombinationsAskWhatIsNeededAndNoMore) {
  server_.known = {"anna@company.ru"};
  const std::string list = file("mailboxes.txt", "boris@company.ru\n");
  build(config("validate = true\ndirectory = \"any:ldap:ad file:" + list + "\"\n"));
  EXPECT_EQ(outcome("boris@tech.company.ru"), "vk");
  EXPECT_EQ(server_.questions, 0) << "the file knows";
  EXPECT_EQ(outcome("anna@tech.company.ru"), "vk");
  EXPECT_EQ(outcome("clara@tech.company.ru"), "550 5.1.1");
  server_.is_down = true;
  EXPECT_EQ(outcome("dora@tech.company.ru"), "451 4.4.3");
}

TEST_F(SnapshotDirectories, OneServerHasOneCacheForAllSettingsThatNameIt) {
  server_.known = {"anna@company.ru"};
  build(config("validate = true\ndirectory = \"any:ldap:ad\"\n", "cutover = \"ldap:ad\"\n"));
  EXPECT_EQ(outcome("anna@company.ru"), "vk");
  EXPECT_EQ(server_.questions, 1);
}

TEST_F(SnapshotDirectories, R4aACalloutAsksForTheAddressThatTheMailboxServerHas) {
  server_.known = {"anna@tech.company.ru"};
  build(config("validate = true\ndirectory = \"smtp:vk\"\n"));
  EXPECT_EQ(outcome("Anna@tech.company.ru"), "vk");
  EXPECT_EQ(outcome("boris@tech.company.ru"), "550 5.1.1");
}

TEST_F(SnapshotDirectories, WhatThisBuildCannotAskIsAFindingAtTheSetting) {
  options_.makers = {};
  LoadResult loaded = parse(config("directory = \"ldap:ad\"\n"));
  ASSERT_TRUE(loaded.config);
  const auto refused = Snapshot::build(std::move(*loaded.config), options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()[0].code, "not-built");
  EXPECT_EQ(refused.error()[0].key, "recipients.directory");
  EXPECT_EQ(refused.error()[0].line, 28U);
}

}  // namespace
}  // namespace postern::gateway
