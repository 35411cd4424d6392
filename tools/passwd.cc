// SPDX-License-Identifier: Apache-2.0
#include "tools/passwd.h"

#include "auth/account_table.h"
#include "auth/mechanism.h"
#include "auth/scram_keys.h"
#include "gateway/config_replace.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <sstream>
#include <sys/stat.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

namespace postern::tools {
namespace {

constexpr int kNotWritten = 1;
constexpr int kWrongUse = 2;
constexpr std::uint32_t kIterations = 100'000;
constexpr std::size_t kSaltOctets = 16;
constexpr mode_t kNewMode = 0600;
constexpr mode_t kMostMode = 0640;

std::string system_message() {
  return std::generic_category().message(errno);
}

/// The account of a line; empty: it is none's.
std::string account_of(std::string_view line) {
  if (line.empty() || line.front() == '#') return {};
  const std::size_t colon = line.find(':');
  return colon == std::string_view::npos ? std::string() : auth::account_key(line.substr(0, colon));
}

bool has_verifier(std::string_view text, std::string_view name) {
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    if (account_of(line) == auth::account_key(name) &&
        line.find(":SCRAM-SHA-256$") != std::string::npos)
      return true;
  }
  return false;
}

/// The file, locked for us; it is made where it is not there, for its maker alone.
gateway::Parsed<std::unique_ptr<gateway::ConfigFile>> open_accounts(const std::string& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) == 0) {
    // The hashes are nobody else's to read; owner and group stay.
    if (S_ISREG(facts.st_mode)) ::chmod(file.c_str(), facts.st_mode & kMostMode);
  } else {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewMode);
    if (fd >= 0) ::close(fd);
  }
  return gateway::ConfigFile::open(file);
}

/// The terminal without its echo, for as long as this lives. Who ends the command meanwhile
/// (Ctrl-C) gets a terminal with echo too. One at a time.
class Silence {
 public:
  Silence() {
    is_on_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_on_) return;
    struct sigaction act {};
    act.sa_handler = put_back_and_end;
    act.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    for (std::size_t i = 0; i < kEnds.size(); ++i) {
      ::sigaction(kEnds[i], nullptr, &actions_[i]);
      if (actions_[i].sa_handler != SIG_IGN) ::sigaction(kEnds[i], &act, nullptr);
    }
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Silence() {
    if (!is_on_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < kEnds.size(); ++i)
      ::sigaction(kEnds[i], &actions_[i], nullptr);
  }
  Silence(Silence&&) = delete;

 private:
  static constexpr std::array<int, 4> kEnds{SIGINT, SIGQUIT, SIGTERM, SIGHUP};

  /// Only what a signal handler may call.
  static void put_back_and_end(int signal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    ::raise(signal);
  }

  static inline termios before_{};
  std::array<struct sigaction, kEnds.size()> actions_{};
  bool is_on_ = false;
};

/// The account's lines; empty: the library could not.
std::string lines_for(const PasswdOptions& options, const std::string& password, bool scram) {
  const std::string hash = auth::hash_password(password, options.method);
  if (hash.empty()) return {};
  std::string out = fmt::format("{}:{}\n", options.name, hash);
  if (!scram) return out;
  const std::string salt = auth::random_octets(kSaltOctets);
  const auth::ScramVerifier verifier = auth::make_verifier(password, salt, kIterations);
  if (salt.empty() || verifier.server_key.empty()) return {};
  return out + fmt::format("{}:{}\n", options.name, auth::format_verifier(verifier));
}

}  // namespace

std::string with_account(std::string_view text, std::string_view name, std::string_view lines) {
  std::string out;
  bool is_there = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (account_of(line) != auth::account_key(name)) {
      out.append(line).append("\n");
    } else if (!std::exchange(is_there, true)) {
      out += lines;
    }
  }
  if (!is_there) out += lines;
  return out;
}

int run_passwd(const PasswdOptions& options,
               const AskPassword& ask,
               bool twice,
               std::ostream& out,
               std::ostream& err) {
  if (!auth::is_account_name(options.name) || options.name.front() == '#') {
    err << "postern: an account's name has no spaces, colons or control characters, and no # in "
           "front\n";
    return kWrongUse;
  }
  std::optional<std::string> password = ask("Password: ");
  if (!password || !auth::is_password(*password)) {
    err << "postern: a password has 1 to " << auth::kMostPassword << " octets\n";
    return kWrongUse;
  }
  if (twice && ask("The same again: ") != password) {
    err << "postern: these were two passwords\n";
    return kWrongUse;
  }
  if (options.file.empty()) {
    const std::string lines = lines_for(options, *password, options.scram);
    auth::wipe(*password);
    out << lines;
    return lines.empty() ? kNotWritten : 0;
  }
  const auto accounts = open_accounts(options.file);
  if (!accounts) {
    err << "postern: " << accounts.error().text << "\n";
    return kNotWritten;
  }
  const std::string& before = (*accounts)->text();
  const std::string lines =
      lines_for(options, *password, options.scram || has_verifier(before, options.name));
  auth::wipe(*password);
  if (lines.empty()) {
    err << "postern: no hash could be made: " << system_message() << "\n";
    return kNotWritten;
  }
  const gateway::Parsed<void> written =
      (*accounts)->replace(with_account(before, options.name, lines));
  if (written) return 0;
  err << "postern: " << written.error().text << "\n";
  return kNotWritten;
}

int run_passwd(const PasswdOptions& options, std::ostream& out, std::ostream& err) {
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  const AskPassword ask = [&](std::string_view prompt) -> std::optional<std::string> {
    std::optional<Silence> silence;
    if (is_terminal) {
      err << prompt << std::flush;
      silence.emplace();
    }
    std::string line;
    const bool read = static_cast<bool>(std::getline(std::cin, line));
    if (is_terminal) err << "\n";
    if (line.ends_with('\r')) line.pop_back();
    return read ? std::optional(line) : std::nullopt;
  };
  return run_passwd(options, ask, is_terminal, out, err);
}

void add_passwd(CLI::App& app, PasswdOptions& options) {
  CLI::App* command = app.add_subcommand("passwd", "the line of an account, for auth.accounts");
  command->add_option("name", options.name, "the account")->type_name("NAME")->required();
  command->add_option("--file", options.file, "write it there, in place of the account's own lines")
      ->type_name("FILE");
  command->add_flag("--scram", options.scram, "also what SCRAM-SHA-256 needs");
  const std::map<std::string, auth::HashMethod> methods{
      {"yescrypt", auth::HashMethod::yescrypt},
      {"sha512",   auth::HashMethod::sha512  }
  };
  command->add_option("--method", options.method, "yescrypt (the default) or sha512")
      ->type_name("METHOD")
      ->transform(CLI::CheckedTransformer(methods));
}

}  // namespace postern::tools
