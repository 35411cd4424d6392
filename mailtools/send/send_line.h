// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/words.h"

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <string>
#include <vector>

namespace postern::send {

/// `postern send`: one letter, or several, to a server that is looked at meanwhile; its command
/// line. One thread. Lives as long as `app`.
class SendLine {
 public:
  explicit SendLine(CLI::App& app);

  /// Reads the words of this command itself, before `app` parses: swaks' options of one dash
  /// (-tls, -li) are many letters to it, and the order of some counts. What is left is for `app`:
  /// all words of another command, "send --help" or "send" alone.
  std::vector<std::string> take(std::vector<std::string> words);

  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;

 private:
  std::vector<Given> given_;
  Mistake mistake_{"", 0};
};

}  // namespace postern::send
