// SPDX-License-Identifier: Apache-2.0
// `postern hops` and probes with a whole gateway and real connections.
#include "server_fixture.h"
#include "support/free_port.h"
#include "tools/commands.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;
using test::ExchangeHabits;
using test::ExchangeServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kMessage = "Subject: t\r\n\r\nhello\r\n";

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class HopsCommand : public ServerTest {
 protected:
  HopsCommand() {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "c.toml") << "data_dir = \"" << folder_.string() << "\"\n";
    setup.delivery = "queue";
    setup.route_to_x = false;
    setup.control = (folder_ / "control").string();
  }
  ~HopsCommand() override { std::filesystem::remove_all(folder_); }

  /// Mail for company.ru goes to the next hop "pair" with these keys. The client, at the address of
  /// some of its hosts, is not one of them (R7).
  void use(const std::string& keys, const std::string& name = "pair") {
    setup.after = fmt::format(
        "[retry]\nfirst = \"1h\"\nmax = \"1h\"\n"
        "[[next_hop]]\nname = \"{0}\"\nsources = [\"127.0.0.99\"]\n{1}\n"
        "[[route]]\ndomains = [\"company.ru\"]\nvia = \"{0}\"\n",
        name,
        keys);
  }
  Outcome hops(std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {"postern", "hops"});
    words.insert(words.end(), {"--config", (folder_ / "c.toml").string()});
    std::vector<const char*> argv;
    for (const std::string& word : words)
      argv.push_back(word.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const int argc = static_cast<int>(argv.size());
    const int status = tools::run_command_line(argc, argv.data(), {}, out, err);
    return {status, out.str(), err.str()};
  }
  Json pair() const {
    const Outcome said = hops({"pair", "--json"});
    EXPECT_EQ(said.status, 0) << said.err;
    return Json::parse(said.out, nullptr, false);
  }
  /// Asks until it is so.
  Json pair_when(const std::function<bool(const Json&)>& is_so) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    Json known = pair();
    while (!is_so(known) && !HasFailure()) {
      if (std::chrono::steady_clock::now() > end) ADD_FAILURE() << known.dump(2);
      std::this_thread::yield();
      known = pair();
    }
    return known;
  }
  void send() const {
    EXPECT_TRUE(client().send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-hops-" + std::to_string(::getpid()));
};

TEST_F(HopsCommand, TellsOfADeadHostBesideALiveOne) {
  use(
      fmt::format("hosts = [{{ host = \"127.0.0.1:{}\", priority = 1, weight = 5 }}, "
                  "{{ host = \"127.0.0.10:{}\", priority = 2 }}]",
                  test::free_port(),
                  v.port()));
  start();
  Json before = pair();
  EXPECT_EQ(before["hosts"][0]["state"], "unknown");
  send();
  v.wait_for_mails(1);
  Json known = pair();
  EXPECT_EQ(known["name"], "pair");
  EXPECT_EQ(known["circuit"], "closed");
  EXPECT_EQ(known["limit"], 50) << "of one priority at a time";
  ASSERT_THAT(known["hosts"], SizeIs(2));
  Json& dead = known["hosts"][0];
  EXPECT_EQ(dead["state"], "penalised");
  EXPECT_LE(dead["until_seconds"], 60);
  EXPECT_EQ(dead["priority"], 1);
  EXPECT_EQ(dead["weight"], 5);
  EXPECT_THAT(dead["last_failure"]["text"].get<std::string>(), HasSubstr("refused"));
  Json& live = known["hosts"][1];
  EXPECT_EQ(live["state"], "up");
  EXPECT_EQ(live["address"], live["host"]);
  EXPECT_EQ(live["in_use"].get<int>() + live["idle"].get<int>(), 1);
  EXPECT_FALSE(live.contains("last_failure"));
  const Outcome text = hops({"pair"});
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("pair: circuit closed, 0 waiting"),
                    HasSubstr(" 1/5 "),
                    HasSubstr("penalised "),
                    HasSubstr("refused")));
  EXPECT_THAT(text.out, Not(HasSubstr("exchange")));
}

TEST_F(HopsCommand, TellsOfAllNextHopsOrOfOneThatThereIs) {
  use("hosts = [\"127.0.0.1:9\"]");
  start();
  const Outcome all = hops();
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out, AllOf(HasSubstr("exchange: "), HasSubstr("vk: "), HasSubstr("pair: ")));
  const Outcome lines = hops({"--json"});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 3);
  const Outcome none = hops({"nobody"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("postern hops: there is no next hop \"nobody\""));
  use("hosts = [\"127.0.0.1:9\"]", "other");
  reload();
  EXPECT_EQ(hops({"pair"}).status, 1);
  EXPECT_EQ(hops({"other"}).status, 0);
  stop();
  join();
  const Outcome gone = hops();
  EXPECT_EQ(gone.status, 69);
  EXPECT_THAT(gone.err, HasSubstr("postern is not running"));
}

TEST_F(HopsCommand, ShowsAProbeBringAHostBack) {
  ExchangeHabits habits;
  habits.port = test::free_port();
  use(fmt::format("hosts = [\"127.0.0.1:{}\"]\nprobe = \"1s\"", habits.port));
  start();
  constexpr std::size_t kLetters = 4;  // on two workers: two of them break a circuit
  for (std::size_t i = 0; i < kLetters; ++i)
    send();
  Json down = pair_when([](const Json& hop) {
    return hop["circuit"] == "open" && hop["waiting"] == kLetters && hop["running"] == 0 &&
           hop["hosts"][0]["state"] == "down";
  });
  EXPECT_TRUE(down.contains("next_try"));
  EXPECT_EQ(down["probe_seconds"], 1);
  EXPECT_EQ(down["hosts"][0]["last_probe"]["good"], false);
  const ExchangeServer server(habits);
  // Their next try is an hour away.
  pair_when([](const Json& hop) { return hop["waiting"] == 0 && hop["running"] == 0; });
  EXPECT_EQ(server.mails().size(), kLetters);
  Json up = pair_when([](const Json& hop) { return hop["hosts"][0]["state"] == "up"; });
  EXPECT_EQ(up["circuit"], "closed");
  EXPECT_EQ(up["hosts"][0]["last_probe"]["good"], true);
}

TEST_F(HopsCommand, ForgetsTheProbesThatAReloadLeavesOut) {
  ExchangeServer server;
  const std::string hosts = fmt::format("hosts = [\"127.0.0.1:{}\"]\n", server.port());
  use(hosts + "probe = \"1s\"");
  start();
  server.wait_for_command("QUIT", 2);
  use(hosts);
  reload();
  EXPECT_FALSE(pair().contains("probe_seconds"));
  stop_now();
  join();
}

}  // namespace
}  // namespace postern::gateway
