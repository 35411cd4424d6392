// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/password_hash.h"

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace postern::tools {

struct PasswdOptions {
  std::string name;
  std::string file;  ///< empty: the lines are printed
  bool scram = false;
  auth::HashMethod method = auth::HashMethod::yescrypt;
};

/// Asks for a password; nullopt: there was none. `prompt` is for a terminal.
using AskPassword = std::function<std::optional<std::string>(std::string_view prompt)>;

/// Makes an account's lines anew: a hash, and a SCRAM verifier where one is asked for or the
/// account has one, so that no line holds an old password. 0: done, 1: the file could not be
/// written, 2: no such name or password is possible. `twice`: the password is asked for again, to
/// be sure.
int run_passwd(const PasswdOptions& options,
               const AskPassword& ask,
               bool twice,
               std::ostream& out,
               std::ostream& err);

/// The same with the process's terminal, or a line of standard input where that is none.
int run_passwd(const PasswdOptions& options, std::ostream& out, std::ostream& err);

/// The text of an accounts file with these lines in place of the account's own; other lines, blank
/// ones and comments stay as they are.
std::string with_account(std::string_view text, std::string_view name, std::string_view lines);

/// The subcommand `passwd`; `options` outlives `app`.
void add_passwd(CLI::App& app, PasswdOptions& options);

}  // namespace postern::tools
