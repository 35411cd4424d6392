// SPDX-License-Identifier: Apache-2.0
#include "support/postgres.h"

#include "support/free_port.h"

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::test {
namespace {

constexpr std::chrono::seconds kPatience{60};
const std::string kPrograms = "/usr/lib/postgresql/15/bin/";

/// Whom the server runs as; null: ourselves.
const passwd* account() {
  if (geteuid() != 0) return nullptr;
  const passwd* const found = getpwnam("postgres");
  if (found == nullptr) throw std::runtime_error("no account \"postgres\": install postgresql");
  return found;
}

/// Starts a program whose output comes to a pipe; the kernel ends it should we die.
pid_t spawn(const std::vector<std::string>& command,
            const std::filesystem::path& folder,
            int end_signal,
            int& output) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const passwd* const who = account();
  std::vector<char*> arguments;
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(pipe[1], 1);
    dup2(pipe[1], 2);
    setpgid(0, 0);
    const bool changed = who == nullptr || (setgroups(0, nullptr) == 0 &&
                                            setgid(who->pw_gid) == 0 && setuid(who->pw_uid) == 0);
    prctl(PR_SET_PDEATHSIG, end_signal);
    if (!changed || chdir(folder.c_str()) != 0) _exit(126);
    setenv("LC_ALL", "C", 1);
    setenv("PGPASSWORD", "right", 1);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(pipe[1]);
  output = pipe[0];
  return child;
}

/// Runs a program to its end; gives what it printed.
std::string run_to_end(const std::vector<std::string>& command,
                       const std::filesystem::path& folder) {
  int output = -1;
  const pid_t child = spawn(command, folder, SIGKILL, output);
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t n = 0; (n = read(output, block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(n));
  close(output);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error(command.front() + " failed: " + text);
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

}  // namespace

Postgres::Postgres() : port_(free_port()) {
  std::string path = "/tmp/postern-pg-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = path;
  std::ofstream(folder_ / "password") << password() << '\n';
  if (const passwd* const who = account()) {
    for (const std::filesystem::path& mine : {folder_, folder_ / "password"}) {
      if (chown(mine.c_str(), who->pw_uid, who->pw_gid) != 0) throw std::runtime_error("no chown");
    }
  }
  run_to_end({kPrograms + "initdb",
              "--pgdata=" + (folder_ / "data").string(),
              "--username=postern",
              "--auth=scram-sha-256",
              "--pwfile=" + (folder_ / "password").string(),
              "--encoding=UTF8",
              "--locale=C",
              "--no-sync"},
             folder_);
  start();
}

Postgres::~Postgres() {
  if (server_ > 0) {
    signal_all(SIGCONT);
    kill(server_, SIGQUIT);
    waitpid(server_, nullptr, 0);
  }
  if (reader_.joinable()) reader_.join();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Postgres::start() {
  int output = -1;
  // Before the flags: the end of the log before sets one.
  if (reader_.joinable()) reader_.join();
  {
    const std::lock_guard lock(mutex_);
    ready_ = false;
    ended_ = false;
  }
  server_ = spawn({kPrograms + "postgres",
                   "-D",
                   (folder_ / "data").string(),
                   "-p",
                   std::to_string(port_),
                   "-k",
                   folder_.string(),
                   "-c",
                   "listen_addresses=127.0.0.1",
                   "-c",
                   "fsync=off",
                   "-c",
                   "shared_buffers=16MB",
                   "-c",
                   "dynamic_shared_memory_type=mmap",
                   "-c",
                   "max_connections=40"},
                  folder_,
                  SIGQUIT,
                  output);
  reader_ = std::thread([this, output] { watch_log(output); });
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return ready_ || ended_; });
  if (!ready_) throw std::runtime_error("PostgreSQL does not start:\n" + log_);
}

void Postgres::watch_log(int input) {
  std::array<char, 4096> block{};
  std::string run;  // of this start
  for (ssize_t n = 0; (n = read(input, block.data(), block.size())) > 0;) {
    run.append(block.data(), static_cast<std::size_t>(n));
    const std::lock_guard lock(mutex_);
    log_.append(block.data(), static_cast<std::size_t>(n));
    ready_ = run.find("database system is ready to accept connections") != std::string::npos;
    changed_.notify_all();
  }
  close(input);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Postgres::stop() {
  kill(server_, SIGINT);  // "fast": sessions are ended
  waitpid(server_, nullptr, 0);
  server_ = -1;
}

void Postgres::signal_all(int signal) const {
  // A backend has a process group of its own; its parent is the server.
  std::ifstream children("/proc/" + std::to_string(server_) + "/task/" + std::to_string(server_) +
                         "/children");
  for (pid_t child = 0; children >> child;)
    kill(child, signal);
  kill(server_, signal);
}

void Postgres::freeze() {
  signal_all(SIGSTOP);
}

void Postgres::thaw() {
  signal_all(SIGCONT);
}

std::string Postgres::run(const std::string& sql) {
  return run_to_end(
      {kPrograms + "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, local()},
      folder_);
}

std::string Postgres::url() const {
  return "postgresql://postern@127.0.0.1:" + std::to_string(port_) + "/postgres";
}

std::string Postgres::local() const {
  return "host=" + folder_.string() + " port=" + std::to_string(port_) +
         " user=postern dbname=postgres";
}

std::string Postgres::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace postern::test
