// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_support.h"
#include "tools/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace postern::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class Commands : public testing::Test {
 protected:
  Commands() {
    std::filesystem::create_directories(folder_);
    write("c.toml", gateway::kSmall);
  }
  ~Commands() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static Outcome run(const std::vector<std::string>& words) {
    std::vector<const char*> argv = {"postern"};
    for (const std::string& word : words)
      argv.push_back(word.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const auto serve = [](const ServeOptions& options, std::ostream& o, std::ostream&) {
      o << "serving " << options.config << (options.force ? ", forced" : "") << "\n";
      return 0;
    };
    const int status =
        run_command_line(static_cast<int>(argv.size()), argv.data(), serve, out, err);
    return {status, out.str(), err.str()};
  }
  Outcome explain(std::vector<std::string> more) const {
    std::vector<std::string> words = {"explain", "--config", path("c.toml")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-commands-" + std::to_string(::getpid()));
};

TEST_F(Commands, CheckSaysThatASoundConfigIsSound) {
  write("c.toml",
        std::string(gateway::kSmall) +
            "[recipients]\nunknown_redirect = \"exchange\"\ndirectory = \"file:/dev/null\"\n");
  const Outcome r = run({"check", "--config", path("c.toml")});
  EXPECT_EQ(r.status, 0);
  EXPECT_THAT(r.out, StartsWith(path("c.toml") + ": sound; "));
  EXPECT_THAT(r.out, HasSubstr(" letters followed through 1 domain of 1 shape\n"));
}

TEST_F(Commands, CheckDrawsTheFlow) {
  const Outcome mermaid = run({"check", "--config", gateway::example_path(), "--graph", "mermaid"});
  EXPECT_LE(mermaid.status, 1);
  EXPECT_THAT(mermaid.out, StartsWith("flowchart LR\n"));
  EXPECT_THAT(mermaid.out, HasSubstr("subgraph c1[\"company.ru: not migrated\"]"));
  EXPECT_THAT(mermaid.out, HasSubstr("-->|custom_route|"));
  EXPECT_THAT(mermaid.out, HasSubstr("[(\"vk\")]"));
  EXPECT_THAT(mermaid.err, HasSubstr("[missing-file]"));
  const Outcome dot = run({"check", "--config", gateway::example_path(), "--graph", "dot"});
  EXPECT_THAT(dot.out, StartsWith("digraph flow {\n"));
  EXPECT_THAT(dot.out, HasSubstr("[label=\"vk\", shape=cylinder];"));
  EXPECT_THAT(dot.out, HasSubstr("[label=\"tech_alias\"];"));
  EXPECT_EQ(run({"check", "--config", gateway::example_path(), "--graph", "svg"}).status, 2);
}

TEST_F(Commands, CheckNamesALoopByItsWay) {  // S9
  write("c.toml",
        gateway::replaced(
            gateway::kSmall, "[\"10.0.0.5:25\"]", "[\"10.0.0.5:25\"]\nsources = [\"10.9.9.9\"]"));
  const Outcome r = run({"check", "--config", path("c.toml")});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.out, HasSubstr("c.toml:8:11: error: next_hop.sources: "));
  EXPECT_THAT(r.out, HasSubstr("G(mx) -[custom_route]-> exchange -> G(mx): a loop"));
}

TEST_F(Commands, CheckExitsWithOneForWarningsAndTwoForErrors) {
  write("w.toml", "");
  write("e.toml", "hostnam = \"x\"\n");
  const Outcome warned = run({"check", "--config", path("w.toml")});
  EXPECT_EQ(warned.status, 1);
  EXPECT_THAT(warned.out, HasSubstr("0 errors, 1 warning\n"));
  const Outcome refused = run({"check", "--config", path("e.toml")});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.out,
              HasSubstr("e.toml:1:1: error: hostnam: there is no such key; write \"hostname\""));
}

TEST_F(Commands, CheckPrintsFindingsAsJson) {
  write("e.toml", "hostnam = \"x\"\n");
  const Outcome r = run({"check", "--config", path("e.toml"), "--json"});
  EXPECT_EQ(r.status, 2);
  const nlohmann::json json = nlohmann::json::parse(r.out);
  EXPECT_EQ(json["status"], 2);
  ASSERT_GE(json["findings"].size(), 1U);
  EXPECT_EQ(json["findings"][0]["code"], "unknown-key");
  EXPECT_EQ(json["findings"][0]["line"], 1);
  EXPECT_EQ(json["findings"][0]["key"], "hostnam");
}

TEST_F(Commands, CheckOfAFileThatIsNotThereIsAnError) {
  const Outcome r = run({"check", "--config", path("none.toml")});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.out, HasSubstr("No such file"));
}

TEST_F(Commands, CheckAcceptsTheExample) {
  const Outcome r = run({"check", "--config", gateway::example_path()});
  EXPECT_LE(r.status, 1) << r.out;
}

TEST_F(Commands, ExplainRoutesD) {  // R6
  const Outcome r =
      explain({"--client", "192.0.2.1", "--from", "a@corp.com", "--to", "u@company.ru", "--json"});
  EXPECT_EQ(r.status, 0) << r.err;
  const nlohmann::json json = nlohmann::json::parse(r.out);
  EXPECT_EQ(json["decision"], "route");
  EXPECT_EQ(json["next_hop"], "exchange");
  EXPECT_EQ(json["hosts"], nlohmann::json::array({"10.0.0.5:25"}));
  EXPECT_EQ(json["recipient_out"], "u@company.ru");
  EXPECT_GE(json["trace"].size(), 4U);
  EXPECT_EQ(json["trace"].back()["stage"], "custom_route");
}

TEST_F(Commands, ExplainOfARefusalIsStillAnAnswer) {  // S8
  const Outcome r = explain(
      {"--client", "192.0.2.1", "--from", "a@corp.com", "--to", "u@elsewhere.com", "--json"});
  EXPECT_EQ(r.status, 0) << r.err;
  const nlohmann::json json = nlohmann::json::parse(r.out);
  EXPECT_EQ(json["decision"], "reject");
  EXPECT_THAT(json["reply"].get<std::string>(), testing::StartsWith("550 5.7.1"));
  EXPECT_TRUE(json["next_hop"].is_null());
}

TEST_F(Commands, ExplainPrintsEachStageForPeople) {
  const Outcome r = explain(
      {"--client", "10.0.0.5", "--from", "<>", "--to", "u@tech.company.ru", "--to", "<x@e.com>"});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("tech_alias"));
  EXPECT_THAT(r.out, HasSubstr("vk"));
  EXPECT_THAT(r.out, HasSubstr("mx:e.com"));
}

TEST_F(Commands, ExplainTakesTheListenerByName) {  // R3, R7a
  write("c.toml",
        std::string(gateway::kSmall) +
            "[[listener]]\nname = \"users\"\nbind = \"0.0.0.0:465\"\nrole = \"submission\"\n");
  const std::vector<std::string> question = {
      "--client", "192.0.2.1", "--from", "a@company.ru", "--to", "x@e.com", "--json"};
  std::vector<std::string> words = question;
  words.insert(words.end(), {"--listener", "users"});
  EXPECT_THAT(explain(words).out, HasSubstr("530 5.7.0"));
  words.insert(words.end(), {"--auth", "ann", "--size", "1000"});
  EXPECT_THAT(explain(words).out, HasSubstr("\"route\""));
}

TEST_F(Commands, ExplainNeedsNoCertificates) {
  write("c.toml",
        gateway::replaced(gateway::kSmall, "bind =", "tls = \"starttls\"\nbind =") +
            "[tls]\ncertificates = [{ cert = \"/no/such\", key = \"/no/such\" }]\n");
  const Outcome r = explain({"--client", "10.0.0.5", "--from", "", "--to", "u@company.ru"});
  EXPECT_EQ(r.status, 0) << r.err;
}

TEST_F(Commands, ExplainSaysWhatToWriteInsteadOfAWrongValue) {
  const struct {
    std::vector<std::string> words;
    std::string says;
  } kWrong[] = {
      {{"--client", "10.0.0", "--from", "", "--to", "u@company.ru"},                         "write one like 10.0.0.5"},
      {{"--client", "10.0.0.5", "--from", "user", "--to", "u@company.ru"},
       "\"\" for the null sender"                                                                                     },
      {{"--client", "10.0.0.5", "--from", "", "--to", "u@@company.ru"},
       "--to: \"u@@company.ru\" is not an address"                                                                    },
      {{"--client", "10.0.0.5", "--from", "", "--to", "u@company.ru", "--listener", "smtp"},
       "write one of \"mx\""                                                                                          },
      {{"--client", "10.0.0.5", "--from", ""},                                               "--to"                   },
      {{"--client", "10.0.0.5", "--from", "", "--to", "a@b.c", "--size", "big"},             "--size"                 },
      {{"--client", "10.0.0.5", "--from", "", "--to", "a@b.c", "--listner", "mx"},
       "write \"--listener\""                                                                                         },
  };
  for (const auto& wrong : kWrong) {
    const Outcome r = explain(wrong.words);
    EXPECT_EQ(r.status, 2) << wrong.says;
    EXPECT_THAT(r.err, HasSubstr(wrong.says));
    EXPECT_EQ(r.out, "");
  }
}

TEST_F(Commands, ExplainOfABrokenConfigPrintsItsFindings) {
  write("c.toml", "[[listener]]\n");
  const Outcome r = explain({"--client", "10.0.0.5", "--from", "", "--to", "u@company.ru"});
  EXPECT_EQ(r.status, 2);
  EXPECT_THAT(r.err, HasSubstr("[missing-key]"));
}

TEST_F(Commands, TheCommandLineHasVersionAndHelp) {
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out, std::string("postern ") + POSTERN_VERSION + "\n");
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("explain"));
  EXPECT_EQ(run({"check", "--help"}).status, 0);
}

TEST_F(Commands, AWrongCommandLineIsTwoAndSaysWhatToWrite) {
  const Outcome typo = run({"chekc"});
  EXPECT_EQ(typo.status, 2);
  EXPECT_THAT(typo.err, HasSubstr("write \"check\""));
  const Outcome none = run({});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("\"serve\""));
  const Outcome option = run({"check", "--confg", "x"});
  EXPECT_EQ(option.status, 2);
  EXPECT_THAT(option.err, HasSubstr("write \"--config\""));
}

TEST_F(Commands, ServeGetsItsConfig) {
  const Outcome r = run({"serve", "--config", "/x.toml"});
  EXPECT_EQ(r.status, 0);
  EXPECT_EQ(r.out, "serving /x.toml\n");
  EXPECT_EQ(run({"serve", "--config", "/x.toml", "--force"}).out, "serving /x.toml, forced\n");
  EXPECT_EQ(run({"serve"}).out, "serving /etc/postern/postern.toml\n");
}

}  // namespace
}  // namespace postern::tools
