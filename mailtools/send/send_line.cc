// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/send_line.h"

#include "mailtools/send/json_record.h"
#include "mailtools/send/options.h"
#include "mailtools/send/password_prompt.h"
#include "mailtools/send/sending.h"
#include "mailtools/send/transaction.h"
#include "mailtools/send/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace postern::send {
namespace {

std::string footer() {
  std::string out = "--violate NAME:\n";
  for (const ViolationFacts& facts : all_violations())
    out += fmt::format("  {:<20} {}\n", facts.name, facts.what);
  return out +
         "\nExit status, as swaks has it: 0 done, 1 wrong use or standard output that "
         "cannot be written, 2 no connection, 6 the server "
         "closed "
         "it, 21 banner,\n22 EHLO, 23 MAIL, 24 no RCPT taken, 25 DATA, 26 the letter, 27 QUIT, 28 "
         "login, 29 TLS,\n30 an extension that is not offered, 32 EHLO behind TLS, 33 XCLIENT, 34 "
         "EHLO behind it,\n35 PROXY options, 36 the PROXY header; and 40: a violation did what an "
         "attacker wants of it.";
}

bool is_help(const std::string& word) {
  return word == "--help" || word == "-help" || word == "-?";
}

std::string_view why(NoPassword reason) {
  switch (reason) {
    case NoPassword::no_terminal:
      return "--auth: no terminal to ask for the password on; write --auth-password @FILE";
    case NoPassword::cancelled:
      return "cancelled, nothing was sent";
    case NoPassword::empty:
      break;
  }
  return "--auth: no password was typed, nothing was sent";
}

/// What was written must have come where it belongs: a record that is lost is no record.
int written(int status, std::ostream& out, std::ostream& err) {
  out.flush();
  if (out) return status;
  err << "postern send: standard output cannot be written\n";
  return status == kDone ? 1 : status;
}

int send_with(const Options& options, std::ostream& out, std::ostream& err) {
  if (options.output.dump_mail) {
    out << letter_of(options, 1) << std::flush;
    return kDone;
  }
  if (options.output.dump) {
    dump(options, *options.output.dump, out);
    return kDone;
  }
  if (options.output.json) {
    JsonRecord record(out);
    return send_letters(options, record);
  }
  const bool colour =
      &out == &std::cout && ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  Transcript transcript(options.output, out, err, colour);
  return send_letters(options, transcript);
}

}  // namespace

SendLine::SendLine(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("send", "one letter to a server, and the dialogue with it, as swaks does");
  for (const Word& word : all_words()) {
    const std::string name = fmt::format("--{}", word.name);
    CLI::Option* const option = word.takes == Word::Takes::nothing
                                    ? command->add_flag(name)
                                    : command->add_option(name)->type_name(std::string(word.type));
    std::string help(word.help);
    std::string others(word.others);
    for (std::size_t at = 0; (at = others.find(' ', at)) != others.npos; at += 3)
      others.replace(at, 1, ", -");
    if (!others.empty()) help += fmt::format(" (-{})", others);
    option->description(help)->group(std::string(word.group));
  }
  command->set_help_flag("--help", "all of this (-h alone, too; -h NAME is --helo)");
  command->footer(footer());
}

std::vector<std::string> SendLine::take(std::vector<std::string> words) {
  if (words.empty() || words.front() != "send") return words;
  const std::vector<std::string> own(words.begin() + 1, words.end());
  const bool alone = own.size() == 1 && own.front() == "-h";
  if (alone || std::any_of(own.begin(), own.end(), is_help)) return {"send", "--help"};
  auto given = read_words(own);
  if (given) {
    given_ = std::move(*given);
  } else {
    mistake_ = given.error();
  }
  return {"send"};
}

int SendLine::run(std::ostream& out, std::ostream& err) const {
  const auto wrong = [&err](const Mistake& mistake) {
    err << "postern send: " << mistake.text << "\n";
    return mistake.status;
  };
  if (mistake_.status != 0) return wrong(mistake_);
  auto options = read_options(given_, std::cin);
  if (!options) return wrong(options.error());
  const bool sends = !options->output.dump && !options->output.dump_mail;
  if (options->auth.ask_password && sends) {
    auto password = ask_password(options->auth.login.credentials.name);
    if (!password) return wrong({std::string(why(password.error()))});
    options->auth.login.credentials.password = std::move(*password);
  }
  // Writing to a pipe that nobody reads any more is an error of the stream, as a full disk is.
  std::signal(SIGPIPE, SIG_IGN);
  return written(send_with(*options, out, err), out, err);
}

}  // namespace postern::send
