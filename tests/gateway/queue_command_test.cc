// SPDX-License-Identifier: Apache-2.0
// `postern queue` on the command line, as far as it needs no gateway; and what it prints.
#include "gateway/config_data_dir.h"
#include "tools/commands.h"
#include "tools/queue_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class QueueCommand : public ::testing::Test {
 protected:
  QueueCommand() {
    std::filesystem::create_directories(folder_);
    write("data_dir = \"" + folder_.string() + "\"\n");
  }
  ~QueueCommand() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& config) const { std::ofstream(config_) << config; }
  Outcome run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"postern", "queue"});
    words.insert(words.end(), {"--config", config_});
    std::vector<const char*> argv;
    for (const std::string& word : words)
      argv.push_back(word.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_command_line(static_cast<int>(argv.size()), argv.data(), {}, out, err);
    return {status, out.str(), err.str()};
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-queue-" + std::to_string(::getpid()));
  const std::string config_ = (folder_ / "c.toml").string();
};

TEST_F(QueueCommand, SaysInOneLineThatPosternIsNotRunningAndWhereItLooked) {
  const Outcome r = run({"list"});
  EXPECT_EQ(r.status, 69);
  EXPECT_THAT(r.err, HasSubstr("postern is not running"));
  EXPECT_THAT(r.err, HasSubstr((folder_ / "control").string()));
  EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1);
  EXPECT_EQ(r.out, "");
}

TEST_F(QueueCommand, NeedsOfTheConfigNothingButDataDir) {
  write("hostnam = 5\nlistener = \"x\"\ndata_dir = \"" + folder_.string() + "\"\n");
  EXPECT_EQ(run({"list"}).status, 69);
  write("data_dir = 5\n");
  EXPECT_EQ(run({"list"}).status, 2);
  EXPECT_THAT(run({"list"}).err, HasSubstr("c.toml:1: data_dir must be a path"));
  write("data_dir = [\n");
  EXPECT_EQ(run({"list"}).status, 2);
  write("");
  EXPECT_EQ(*gateway::data_dir_of(config_), "/var/lib/postern");
  EXPECT_THAT(gateway::data_dir_of(folder_.string()).error().text, HasSubstr("cannot be read"));
  EXPECT_THAT(gateway::data_dir_of(config_ + "x").error().text, HasSubstr("cannot be read"));
}

TEST_F(QueueCommand, ChangesNothingWithoutAChoice) {
  for (const char* command : {"hold", "release", "retry", "remove", "bounce"}) {
    EXPECT_EQ(run({command}).status, 2);
    EXPECT_THAT(run({command}).err, HasSubstr("which letters?"));
    EXPECT_THAT(run({command, "0abcdefghjkmn", "--all"}).err, HasSubstr("either"));
    EXPECT_THAT(run({command, "0abc"}).err, HasSubstr("is no id"));
    EXPECT_EQ(run({command, "0abcdefghjkmn", "--dry-run"}).status, 69);
  }
}

TEST_F(QueueCommand, SaysWhatToWriteInstead) {
  EXPECT_THAT(run({"lst"}).err, HasSubstr("write \"list\""));
  EXPECT_THAT(run({"list", "--recipent", "x"}).err, HasSubstr("write \"--recipient\""));
  EXPECT_THAT(run({"list", "--older", "soon"}).err, HasSubstr("--older"));
  EXPECT_THAT(run({"list", "--state", "lost"}).err, HasSubstr("\"deferred\""));
  EXPECT_EQ(run({"show"}).status, 2);
}

TEST(QueuePrint, KeepsALineALineAndATerminalATerminal) {
  Json message = {
      {"id",     "0abcdefghjkmn"},
      {"state",  "deferred"     },
      {"sender", ""             }
  };
  message["recipients"] = Json::array();
  for (const char* address : {"a@x", "b@x", "c@x", "d@x"}) {
    message["recipients"].push_back({
        {"address",          address          },
        {"lane",             "vk"             },
        {"attempts",         2                },
        {"next_try_seconds", 90               },
        {"last_reply",       "451 \x1b[2J\nno"}
    });
  }
  const std::string line = list_line(message);
  EXPECT_THAT(line, HasSubstr("<> -> a@x, b@x, c@x (+1) | 451 \\x1b[2J\\x0ano"));
  EXPECT_THAT(line, HasSubstr(" 90s "));
  std::ostringstream out;
  print_octets("A: \x1b[1m\xd0\xb0\r\n\tb\r\n", out);
  EXPECT_EQ(out.str(), "A: \\x1b[1m\xd0\xb0\n\tb\n");
}

TEST(QueuePrint, RoundsForPeople) {
  EXPECT_EQ(short_time(-5), "0s");
  EXPECT_EQ(short_time(119), "119s");
  EXPECT_EQ(short_time(7199), "119m");
  EXPECT_EQ(short_time(86400), "24h");
  EXPECT_EQ(short_time(5 * 86400), "5d");
  EXPECT_EQ(short_size(1023), "1023");
  EXPECT_EQ(short_size(1229), "1.2K");
  EXPECT_EQ(short_size(300UL << 20), "300M");
  EXPECT_EQ(counted(1, "message"), "1 message");
}

}  // namespace
}  // namespace postern::tools
