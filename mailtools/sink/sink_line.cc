// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/sink_line.h"

namespace postern::sink {
namespace {

/// An option that makes faults: each time it is written is one.
void add_fault(CLI::App& app,
               SinkCommand& command,
               const std::string& kind,
               const std::string& what,
               const std::string& value) {
  app.add_option_function<std::vector<std::string>>(
         "--" + kind,
         [&command, kind](const std::vector<std::string>& specs) {
           for (const std::string& spec : specs)
             command.faults.emplace_back(kind, spec);
         },
         what)
      ->type_name(value)
      ->allow_extra_args(false)
      ->group("What goes wrong");
}

void add_server(CLI::App& app, SinkCommand& command) {
  app.add_option("--listen", command.listen, "where; repeatable; port 0 takes one that is free")
      ->type_name("ADDRESS:PORT")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--hostname", command.hostname, "in the greeting (the host's own name)")
      ->type_name("NAME");
  app.add_option("--threads", command.threads, "threads")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_flag("--tls", command.tls, "STARTTLS, with a certificate made at the start");
  CLI::Option* cert =
      app.add_option("--tls-cert", command.tls_cert, "STARTTLS, with this certificate chain (PEM)")
          ->type_name("FILE");
  CLI::Option* key =
      app.add_option("--tls-key", command.tls_key, "its key (PEM)")->type_name("FILE");
  cert->needs(key);
  key->needs(cert);
  app.add_flag("--tls-on-connect", command.tls_on_connect, "TLS from the first octet instead");
  app.add_option("--auth", command.auth, "an account that may log in; repeatable")
      ->type_name("USER:PASSWORD")
      ->allow_extra_args(false);
  app.add_flag("--auth-required", command.auth_required, "no letter without AUTH");
  app.add_option("--max-size", command.max_size, "octets of a letter; beyond: 552; 10MB is taken")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--max-connections", command.max_connections, "at a time; beyond: 421")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-recipients", command.max_recipients, "of a letter; beyond: 452")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

void add_keeping(CLI::App& app, SinkCommand& command) {
  const std::string group = "What becomes of letters";
  app.add_option("--maildir", command.maildir, "a file each, in DIR/new")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--jsonl", command.jsonl, "a JSON object each, a line; - for standard output")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--jsonl-content", command.content, "the letters' octets in the JSON too")
      ->needs("--jsonl")
      ->group(group);
  app.add_flag("--count", command.count, "how many: live on a terminal, and the total at the end")
      ->group(group);
  app.add_flag("--quiet", command.quiet, "no line a letter, which is the default")->group(group);
  app.add_option("--stop-after", command.stop_after, "ends after so many letters")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--control", command.control, "a Unix socket for changing faults while it runs")
      ->type_name("PATH")
      ->group(group);
}

void add_faults(CLI::App& app, SinkCommand& command) {
  add_fault(app,
            command,
            "fail",
            "a reply instead of a stage: rcpt:450:5%, data:550:to=bob@*",
            "STAGE:CODE[:WHEN]...");
  add_fault(app, command, "delay", "a wait before a stage: mail:200ms", "STAGE:TIME[:WHEN]...");
  add_fault(app,
            command,
            "drop",
            "the connection ends: before-STAGE, after-STAGE, answered-STAGE, reset",
            "DROP[:WHEN]...");
  // Alone it is the greeting, and all that follows.
  add_fault(app, command, "stall", "no reply to a stage, ever", "[STAGE][:WHEN]...");
  app.get_option("--stall")->expected(0, 1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_fault(app, command, "slow-read", "letters are read slowly", "OCTETS/s[:WHEN]...");
  add_fault(app, command, "no-ext", "hides extensions: CHUNKING,PIPELINING", "EXT,...[:WHEN]");
  app.add_flag_callback(
         "--tls-fail",
         [&command] { command.faults.emplace_back("tls-fail", ""); },
         "no handshake behind STARTTLS")
      ->group("What goes wrong");
  app.add_option("--seed", command.seed, "which letters a percentage takes")
      ->type_name("N")
      ->capture_default_str()
      ->group("What goes wrong");
}

constexpr const char* kFooter =
    "Stages: connect, helo, starttls, auth, mail, rcpt, data-command (the reply to DATA), bdat "
    "(each chunk), data (the end of a letter), rset, quit, any.\n"
    "When: N%, from=PATTERN, to=PATTERN, client=ADDRESS or block, nth=N, first=N, text=... (of a "
    "reply; last); patterns have * and ?.\n"
    "The first lines on standard output are \"listening on ADDRESS:PORT\" (with --jsonl - on "
    "standard error).\n"
    "Exit status: 0 ended by SIGTERM, SIGINT or --stop-after, 2 wrong command line, 71 cannot "
    "listen, 73 nothing can be kept where it should be, 74 some letter could not be kept, "
    "something could not be printed, or nobody reads standard output any more.";

}  // namespace

SinkLine::SinkLine(CLI::App& app) : command_(std::make_unique<SinkCommand>()) {
  CLI::App* sink =
      app.add_subcommand("sink", "a server that takes every letter, and fails as it is told");
  add_server(*sink, *command_);
  add_keeping(*sink, *command_);
  add_faults(*sink, *command_);
  sink->footer(kFooter);
}

int SinkLine::run(std::ostream& out, std::ostream& err) const {
  return run_sink(*command_, out, err);
}

}  // namespace postern::sink
