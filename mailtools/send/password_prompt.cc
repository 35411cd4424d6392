// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/password_prompt.h"

#include <cstdio>
#include <memory>
#include <termios.h>

namespace postern::send {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// What is typed is not shown as long as it lives.
class NoEcho {
 public:
  explicit NoEcho(int terminal) : terminal_(terminal) {
    is_set_ = ::tcgetattr(terminal, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (is_set_) ::tcsetattr(terminal, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (is_set_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  NoEcho(NoEcho&&) = delete;

 private:
  int terminal_;
  bool is_set_ = false;
  termios before_{};
};

}  // namespace

std::optional<std::string> ask_password(const std::string& user) {
  const std::unique_ptr<std::FILE, CloseFile> terminal(std::fopen("/dev/tty", "r+"));
  if (!terminal) return std::nullopt;
  std::fprintf(terminal.get(), "Password of %s: ", user.c_str());
  std::fflush(terminal.get());
  std::string out;
  {
    const NoEcho quiet(::fileno(terminal.get()));
    for (int c = std::fgetc(terminal.get()); c != EOF && c != '\n'; c = std::fgetc(terminal.get()))
      out += static_cast<char>(c);
  }
  std::fputc('\n', terminal.get());
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace postern::send
