// SPDX-License-Identifier: Apache-2.0
// `postern reload` and `postern replay` with a gateway of this process on a data_dir of its own.
#include "gateway/record_files.h"
#include "gateway/reloader.h"
#include "gateway/server.h"
#include "support/exchange_client.h"
#include "tests/dns/zone_resolver.h"
#include "tools/commands.h"
#include "tools/replay_line.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace postern::tools {
namespace {

namespace fs = std::filesystem;
using gateway::LoadedConfig;
using gateway::Server;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "postern");
  std::vector<const char*> argv;
  for (const std::string& word : words)
    argv.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  const int status = run_command_line(static_cast<int>(argv.size()), argv.data(), {}, out, err);
  return {status, out.str(), err.str()};
}

class ReloadCommand : public ::testing::Test {
 protected:
  ReloadCommand() {
    spdlog::set_level(spdlog::level::off);
    fs::create_directories(folder_);
    write("exchange");
  }
  ~ReloadCommand() override {
    end();
    fs::remove_all(folder_);
  }

  /// Mail for company.ru goes to `via`; nobody listens at the next hops, and the queue keeps it.
  std::string text(const std::string& via, const std::string& more = "") const {
    return fmt::format(R"(hostname = "gw.company.ru"
data_dir = "{}"
[[listener]]
name = "mx"
bind = "127.0.0.1:0"
delivery = "queue"
[[next_hop]]
name = "exchange"
hosts = ["127.0.0.5:9"]
[[next_hop]]
name = "vk"
hosts = ["127.0.0.10:9"]
[[domain]]
name = "company.ru"
aliases = ["tech.company.ru"]
mailboxes = "vk"
[[route]]
domains = ["company.ru"]
via = "{}"
{}
)",
                       data_.string(),
                       via,
                       more);
  }
  void write(const std::string& via, const std::string& more = "") const {
    std::ofstream(config_) << text(via, more);
  }
  std::string other_config(const std::string& via) const {
    const std::string path = (folder_ / (via + ".toml")).string();
    std::ofstream(path) << text(via);
    return path;
  }

  void start() {
    LoadedConfig loaded = gateway::load_for_service(config_, {});
    ASSERT_TRUE(loaded.snapshot) << format_text(loaded.findings.at(0));
    Server::Options options;
    options.threads = 2;
    options.resolver = [](const net::Executor&) {
      return std::unique_ptr<dns::Resolver>(std::make_unique<postern::test::ZoneResolver>(""));
    };
    server_ = std::make_unique<Server>(loaded.snapshot, log_, std::move(options));
    const auto bound = server_->bind();
    ASSERT_TRUE(bound) << bound.error().message;
    reloader_ = std::make_unique<gateway::Reloader>(*server_, config_, std::move(loaded));
    server_->on_reload(
        [this](const gateway::ReloadOrder& order) { return reloader_->reload(order); });
    thread_ = std::thread([this] { server_->run(); });
  }
  void end() {
    if (!server_) return;
    server_->stop_now();
    thread_.join();
    reloader_.reset();
    server_.reset();
  }
  void send(int letters) const {
    test::ExchangeClient client("127.0.0.1", server_->bound().at(0).endpoint.port());
    for (int i = 0; i < letters; ++i) {
      const auto outcome = client.send("boss@corp.com",
                                       {fmt::format("u{}@company.ru", i), "w@tech.company.ru"},
                                       "Subject: t\r\n\r\nhello\r\n");
      ASSERT_TRUE(outcome.delivered()) << outcome.end;
    }
  }
  Outcome reload(std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {"reload", "--config", config_});
    return run(std::move(words));
  }
  /// Where a letter would go now, as the ring records it.
  std::string hop_of_next_letter() const {
    send(1);
    server_->recorder()->flush();
    std::string hop;
    const auto read =
        gateway::read_records(gateway::records_path(data_.string()), 1, [&](const auto& envelope) {
          hop = envelope.recipients.at(0).way.hop;
          return true;
        });
    EXPECT_TRUE(read);
    return hop;
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("postern-reload-" + std::to_string(::getpid()));
  const fs::path data_ = folder_ / "data";
  const std::string config_ = (folder_ / "c.toml").string();
  const gateway::LetterLog log_{nullptr, gateway::LogFormat::text};
  std::unique_ptr<Server> server_;
  std::unique_ptr<gateway::Reloader> reloader_;
  std::thread thread_;
};

TEST_F(ReloadCommand, TakesTheNewConfig) {
  start();
  EXPECT_EQ(hop_of_next_letter(), "exchange");
  write("vk");
  const Outcome r = reload();
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.out, "the new config is in force\n");
  EXPECT_EQ(hop_of_next_letter(), "vk");
}

TEST_F(ReloadCommand, SaysWhichSettingsARestartTakes) {
  start();
  write("exchange",
        "[metrics]\nlisten = \"127.0.0.1:1\"\n[dns]\ntries = 2\n[retry]\nfirst = \"1m\"\n");
  const Outcome r = reload();
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("dns has changed since the start: that needs a restart\n"));
  EXPECT_THAT(r.err, HasSubstr("metrics.listen has changed since the start"));
  EXPECT_THAT(r.err, Not(HasSubstr("retry")));
  const auto json = nlohmann::json::parse(reload({"--json"}).out);
  EXPECT_EQ(json["restart_for"], nlohmann::json({"dns", "metrics.listen"})) << "each time";
  write("exchange");
  EXPECT_THAT(reload().err, Not(HasSubstr("restart"))) << "it is as it was";
}

TEST_F(ReloadCommand, RefusesAWrongConfigWholeAndSaysWhereItIsWrong) {
  start();
  write("nowhere", "[limits]\nsesions = 5\n");
  const Outcome r = reload();
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr(config_ + ":19:"));
  EXPECT_THAT(r.err, HasSubstr("route.via"));
  EXPECT_THAT(r.err, HasSubstr(config_ + ":21:"));
  EXPECT_THAT(r.err, HasSubstr("sesions"));
  EXPECT_THAT(r.out, HasSubstr("the one of before goes on"));
  EXPECT_EQ(hop_of_next_letter(), "exchange");
}

TEST_F(ReloadCommand, TheGuardRefusesMoreThanItsShareAndShowsTheGroups) {
  start();
  send(10);
  write("vk");
  const Outcome refused = reload({"--guard", "49.9%"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, StartsWith("10 recipients: exchange -> vk, because custom_route ("));
  EXPECT_THAT(refused.out, HasSubstr("10 of 20 recipients (50.0%) would change, 10 stay"));
  EXPECT_THAT(refused.err, HasSubstr("50.0% of the recorded recipients would change"));
  EXPECT_EQ(hop_of_next_letter(), "exchange");
  const Outcome taken = reload({"--guard", "50%"});
  EXPECT_EQ(taken.status, 0) << taken.err;
  EXPECT_EQ(hop_of_next_letter(), "vk");
}

TEST_F(ReloadCommand, TheGuardComparesWithTheConfigInForceNotWithOlderOnes) {
  start();
  send(10);
  write("vk");
  EXPECT_EQ(reload().status, 0);
  const Outcome same = reload({"--guard", "0%"});
  EXPECT_EQ(same.status, 0) << same.out;
  EXPECT_THAT(same.out, HasSubstr("0 of 20 recipients (0%) would change"));
}

TEST_F(ReloadCommand, ADryRunChangesNothing) {
  start();
  send(2);
  write("vk");
  const Outcome r = reload({"--dry-run"});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("2 recipients: exchange -> vk"));
  EXPECT_THAT(r.out, HasSubstr("nothing was changed"));
  EXPECT_EQ(reload({"--dry-run", "--guard", "1%"}).status, 1);
  EXPECT_EQ(hop_of_next_letter(), "exchange");
  const auto json = nlohmann::json::parse(reload({"--dry-run", "--json"}).out);
  EXPECT_EQ(json["result"], "sound");
  EXPECT_EQ(json["report"]["changed"], 3);
}

TEST_F(ReloadCommand, AGuardWithoutRecordsRefusesAndWithNoneYetSaysSo) {
  write("exchange", "[record]\nenvelopes = 0\n");
  start();
  send(1);
  write("vk");
  const Outcome off = reload({"--guard", "100%"});
  EXPECT_EQ(off.status, 1);
  EXPECT_THAT(off.err, HasSubstr("[record] envelopes"));
  EXPECT_EQ(reload().status, 0);
  const Outcome none_yet = reload({"--guard", "0%"});
  EXPECT_EQ(none_yet.status, 0);
  EXPECT_THAT(none_yet.err, HasSubstr("no envelope is recorded yet"));
  EXPECT_EQ(hop_of_next_letter(), "vk");  // recording has begun with the reload
}

TEST_F(ReloadCommand, TellsListenersThatNeedARestart) {
  start();
  write("exchange", "[[listener]]\nname = \"second\"\nbind = \"127.0.0.1:0\"\n");
  const Outcome r = reload();
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.err, HasSubstr("listener second is new"));
}

TEST_F(ReloadCommand, NeedsAGatewayAndAShare) {
  EXPECT_EQ(reload().status, 69);
  EXPECT_THAT(reload().err, HasSubstr("postern is not running"));
  const Outcome r = reload({"--guard", "lots"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("write one from 0% to 100%"));
  EXPECT_EQ(*parse_share("0.5%"), 0.005);
  EXPECT_EQ(*parse_share("5"), 0.05);
  for (const char* wrong : {"", "%", "-1%", "101%", "5%x", "nan", "1e1%"})
    EXPECT_FALSE(parse_share(wrong)) << wrong;
}

TEST_F(ReloadCommand, ReplayComparesWithWhatWasDecidedOrWithAnotherConfig) {
  start();
  send(3);
  server_->recorder()->flush();
  const Outcome same = run({"replay", "--config", config_});
  EXPECT_EQ(same.status, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("0 of 6 recipients (0%) would change, 6 stay; 3 envelopes"));
  const std::string next = other_config("vk");
  const Outcome changed = run({"replay", "--config", next});
  EXPECT_EQ(changed.status, 1);
  EXPECT_THAT(changed.out, StartsWith("3 recipients: exchange -> vk, because custom_route ("));
  EXPECT_THAT(changed.out, HasSubstr("<u0@company.ru> from <boss@corp.com>, client 127.0.0.1"));
  EXPECT_EQ(run({"replay", "--config", next, "--against", next}).status, 0);
  EXPECT_EQ(run({"replay", "--config", next, "--against", config_, "--limit", "1"}).status, 1);
  const auto records = gateway::records_path(data_.string());
  const Outcome json = run({"replay", "--config", next, "--records", records, "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["groups"][0]["recipients"], 3);
  EXPECT_EQ(run({"replay", "--config", next, "--data-dir", data_.string()}).status, 1);
}

TEST_F(ReloadCommand, ReplayRefusesAWrongConfigAndRecordsThatAreNotThere) {
  const Outcome none = run({"replay", "--config", config_});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("there are no recorded envelopes"));
  write("nowhere");
  const Outcome wrong = run({"replay", "--config", config_});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("route.via"));
}

TEST_F(ReloadCommand, HashedRecordsHaveNoLocalParts) {
  write("exchange", "[record]\nhash = true\n");
  start();
  send(2);
  server_->recorder()->flush();
  std::string all;
  for (const auto& entry : fs::directory_iterator(gateway::records_path(data_.string()))) {
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_THAT(all, HasSubstr("company.ru"));
  EXPECT_EQ(all.find("boss"), std::string::npos);
  EXPECT_EQ(all.find("u0"), std::string::npos);
  EXPECT_EQ(run({"replay", "--config", config_}).status, 0);
  EXPECT_EQ(run({"replay", "--config", other_config("vk")}).status, 1);
}

}  // namespace
}  // namespace postern::tools
