// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/password_prompt.h"

#include <cstdio>
#include <memory>
#include <termios.h>
#include <unistd.h>

namespace postern::send {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// What is typed is not shown, and no key raises a signal, as long as it lives.
class NoEcho {
 public:
  explicit NoEcho(int terminal) : terminal_(terminal) {
    is_set_ = ::tcgetattr(terminal, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    // The terminal gives lines away: these keys end one.
    quiet.c_cc[VEOL] = before_.c_cc[VINTR];
    quiet.c_cc[VEOL2] = before_.c_cc[VQUIT];
    if (is_set_) ::tcsetattr(terminal, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (is_set_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  NoEcho(NoEcho&&) = delete;

  /// Ctrl-C, or what stands for it on this terminal.
  bool is_interrupt(int c) const {
    if (!is_set_ || c == _POSIX_VDISABLE) return false;
    return c == before_.c_cc[VINTR] || c == before_.c_cc[VQUIT];
  }

 private:
  int terminal_;
  bool is_set_ = false;
  termios before_{};
};

}  // namespace

Result<std::string, NoPassword> ask_password(const std::string& user) {
  const std::unique_ptr<std::FILE, CloseFile> terminal(std::fopen("/dev/tty", "r+"));
  if (!terminal) return NoPassword::no_terminal;
  std::fprintf(terminal.get(), "Password of %s: ", user.c_str());
  std::fflush(terminal.get());
  std::string out;
  bool cancelled = false;
  {
    const NoEcho quiet(::fileno(terminal.get()));
    for (int c = std::fgetc(terminal.get()); c != EOF && c != '\n';
         c = std::fgetc(terminal.get())) {
      cancelled = quiet.is_interrupt(c);
      if (cancelled) break;
      out += static_cast<char>(c);
    }
  }
  std::fputc('\n', terminal.get());
  if (cancelled) return NoPassword::cancelled;
  if (out.empty()) return NoPassword::empty;
  return out;
}

}  // namespace postern::send
