// SPDX-License-Identifier: Apache-2.0
#include "auth/account_table.h"
#include "tools/passwd.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <pty.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace postern::tools {
namespace {

class Passwd : public ::testing::Test {
 protected:
  Passwd() { std::filesystem::create_directories(folder_); }
  ~Passwd() override { std::filesystem::remove_all(folder_); }

  int run(const PasswdOptions& options, std::vector<std::string> answers, bool twice = false) {
    out_.str({});
    err_.str({});
    return run_passwd(
        options,
        [&answers](std::string_view) -> std::optional<std::string> {
          if (answers.empty()) return std::nullopt;
          std::string answer = answers.front();
          answers.erase(answers.begin());
          return answer;
        },
        twice,
        out_,
        err_);
  }
  std::string file() const { return folder_ / "accounts"; }
  std::string content() const {
    std::ifstream in(file());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static void fill(auth::AccountTable& table, const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      table.add_line(line);
  }
  mode_t mode() const {
    struct stat facts {};
    EXPECT_EQ(::stat(file().c_str(), &facts), 0);
    return facts.st_mode & 07777U;
  }

  std::ostringstream out_;
  std::ostringstream err_;

 private:
  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("passwd." + std::to_string(::getpid()));
};

TEST_F(Passwd, PrintsALineThatOpens) {
  PasswdOptions options;
  options.name = "ann@company.ru";
  EXPECT_EQ(run(options, {"secret"}), 0) << err_.str();
  auth::AccountTable table;
  fill(table, out_.str());
  EXPECT_EQ(table.size(), 1U);
  EXPECT_TRUE(table.check("ann@company.ru", "secret"));
  EXPECT_FALSE(table.all_have_verifiers());
  EXPECT_NE(out_.str().find(":$y$"), std::string::npos);
  options.method = auth::HashMethod::sha512;
  EXPECT_EQ(run(options, {"secret"}), 0);
  EXPECT_NE(out_.str().find(":$6$"), std::string::npos);
}

TEST_F(Passwd, WritesTheFileAndKeepsTheOtherLines) {
  PasswdOptions options;
  options.name = "ann";
  options.file = file();
  EXPECT_EQ(run(options, {"first"}), 0) << err_.str();
  EXPECT_EQ(mode(), 0600U);
  const std::string line = content();
  std::ofstream(file()) << "# ours\n" << line << "\nbob:x\n";
  ::chmod(file().c_str(), 0644);
  options.name = "Ann";
  options.scram = true;
  EXPECT_EQ(run(options, {"second"}), 0) << err_.str();
  EXPECT_EQ(mode(), 0640U);
  EXPECT_TRUE(content().starts_with("# ours\nAnn:$y$")) << content();
  EXPECT_TRUE(content().ends_with("\n\nbob:x\n")) << content();
  auth::AccountTable table;
  fill(table, content());
  EXPECT_TRUE(table.all_have_verifiers());
  EXPECT_TRUE(table.check("ann", "second"));
  EXPECT_FALSE(table.check("ann", "first"));
  EXPECT_TRUE(auth::is_password_of(table.verifier_for("ann", "k"), "second"));
  EXPECT_EQ(table.verifier_for("ann", "k").iterations, 100'000U);
}

TEST_F(Passwd, LeavesNoVerifierOfAnOldPassword) {
  PasswdOptions options;
  options.name = "ann";
  options.file = file();
  options.scram = true;
  EXPECT_EQ(run(options, {"first"}), 0);
  options.scram = false;
  EXPECT_EQ(run(options, {"second"}), 0);
  auth::AccountTable table;
  fill(table, content());
  EXPECT_TRUE(auth::is_password_of(table.verifier_for("ann", "k"), "second"));
}

TEST_F(Passwd, RefusesWhatCannotBe) {
  PasswdOptions options;
  options.file = file();
  options.name = "a b";
  EXPECT_EQ(run(options, {"secret"}), 2);
  options.name = "#x";  // a line that begins so is a comment
  EXPECT_EQ(run(options, {"secret"}), 2);
  options.name = "ann";
  EXPECT_EQ(run(options, {}), 2);
  EXPECT_EQ(run(options, {""}), 2);
  EXPECT_EQ(run(options, {"one", "two"}, true), 2);
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_EQ(run(options, {"one", "one"}, true), 0);
  options.file = "/no/such/folder/accounts";
  EXPECT_EQ(run(options, {"one"}), 1);
  EXPECT_EQ(err_.str().find("one"), std::string::npos);
}

bool has_echo(int terminal) {
  termios now{};
  return ::tcgetattr(terminal, &now) == 0 && (now.c_lflag & static_cast<tcflag_t>(ECHO)) != 0;
}

TEST_F(Passwd, WhoEndsItAtThePromptHasHisEchoAgain) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) {
    PasswdOptions options;
    options.name = "ann";
    run_passwd(options, std::cout, std::cerr);
    ::_exit(3);
  }
  // The child is our own: it ends, or says its prompt and silences the terminal.
  while (has_echo(terminal) && ::waitpid(child, nullptr, WNOHANG) == 0)
    std::this_thread::yield();
  EXPECT_FALSE(has_echo(terminal));
  EXPECT_EQ(::write(terminal, "\x03", 1), 1);  // Ctrl-C
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_TRUE(has_echo(terminal));
  ::close(terminal);
}

}  // namespace
}  // namespace postern::tools
