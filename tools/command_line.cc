// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_values.h"
#include "mailtools/load/load_line.h"
#include "mailtools/send/send_line.h"
#include "mailtools/sink/sink_line.h"
#include "mailtools/verify/verify_line.h"
#include "tools/commands.h"
#include "tools/hops_line.h"
#include "tools/passwd.h"
#include "tools/queue_line.h"
#include "tools/replay_line.h"
#include "tools/tls_report_line.h"
#include "tools/wave_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>
#include <unistd.h>

namespace postern::tools {
namespace {

constexpr int kWrongUse = 2;
constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

void add_config(CLI::App& command, std::string& config) {
  config = kDefaultConfig;
  command.add_option("-c,--config", config, "the config file")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_check(CLI::App& app, CheckOptions& options) {
  CLI::App* command =
      app.add_subcommand("check", "is this config sound? 0: yes, 1: warnings, 2: errors");
  add_config(*command, options.config);
  CLI::Option* json = command->add_flag("--json", options.json, "the findings as JSON");
  command->add_option("--graph", options.graph, "the flow of mail as a picture, mermaid or dot")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"mermaid", "dot"}))
      ->excludes(json);
}

void add_explain(CLI::App& app, ExplainOptions& options) {
  CLI::App* command = app.add_subcommand("explain", "which stage decides about a letter, and why");
  add_config(*command, options.config);
  command->add_option("--client", options.client, "the client's address")
      ->type_name("IP")
      ->required();
  command->add_option("--from", options.sender, "the envelope sender; \"\" is the null sender")
      ->type_name("ADDRESS")
      ->required();
  command->add_option("--to", options.recipients, "a recipient; may be repeated")
      ->type_name("ADDRESS")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--listener", options.listener, "where it comes in (the first mx one)")
      ->type_name("NAME");
  command->add_option("--auth", options.identity, "logged in as")->type_name("USER");
  command->add_option("--size", options.size, "octets, as MAIL declares them")->type_name("OCTETS");
  command->add_flag("--json", options.json, "as JSON, one object a recipient");
}

void add_serve(CLI::App& app, ServeOptions& options) {
  CLI::App* command =
      app.add_subcommand("serve", "the gateway; ends with SIGTERM, reloads with SIGHUP");
  add_config(*command, options.config);
  command->add_flag("--force", options.force, "also a config whose mail circles or is lost");
}

void add_stats(CLI::App& app, StatsOptions& options) {
  CLI::App* command =
      app.add_subcommand("stats", "what the running gateway counts, as monitoring reads it");
  add_config(*command, options.config);
}

std::vector<std::string> known_words(CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    out.push_back(command->get_name());
  }
  for (CLI::App* command : app.get_subcommands()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames())
        out.push_back("--" + name);
    }
    const std::vector<std::string> deeper = known_words(*command);
    out.insert(out.end(), deeper.begin(), deeper.end());
  }
  return out;
}

/// What to write instead of what was typed.
std::string advice(CLI::App& app, const std::vector<std::string>& unknown) {
  const std::vector<std::string> known = known_words(app);
  for (const std::string& word : unknown) {
    const std::string name = word.substr(0, word.find('='));
    if (const auto near = gateway::nearest(name, known)) {
      return fmt::format("instead of \"{}\" write \"{}\"", name, *near);
    }
  }
  std::string chosen;
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    chosen += " " + at->get_name();
  }
  if (!chosen.empty()) {
    return fmt::format("write \"postern{} --help\" for what it takes", chosen);
  }
  return fmt::format("write one of {}", gateway::quoted_list(known));
}

/// Help and version are no errors and go to `out`.
int end_of_parsing(CLI::App& app,
                   const CLI::ParseError& error,
                   const std::vector<std::string>& words,
                   std::ostream& out,
                   std::ostream& err) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error, out, err);
    return 0;
  }
  std::vector<std::string> unknown = app.remaining(true);
  // Nothing recognised: the first word was meant to be the command.
  if (unknown.empty() && app.get_subcommands().empty() && !words.empty())
    unknown.push_back(words.front());
  err << "postern: " << error.what() << "; " << advice(app, unknown) << "\n";
  return kWrongUse;
}

template <class Options, class Run>
int run_parsed(const gateway::Parsed<Options>& options, const Run& run, std::ostream& err) {
  if (options) return run(*options);
  err << options.error().text << "\n";
  return kWrongUse;
}

/// The commands that test a mail route.
struct MailTools {
  explicit MailTools(CLI::App& app) : send(app), sink(app), load(app), verify(app) {}
  /// nullopt: none of them was chosen.
  std::optional<int> run(const CLI::App& app, std::ostream& out, std::ostream& err) const {
    if (app.got_subcommand("send")) return send.run(out, err);
    if (app.got_subcommand("sink")) return sink.run(out, err);
    if (app.got_subcommand("load")) return load.run(out, err);
    if (app.got_subcommand("verify")) return verify.run(out, err);
    return std::nullopt;
  }

  send::SendLine send;
  const sink::SinkLine sink;
  const load::LoadLine load;
  const verify::VerifyLine verify;
};

}  // namespace

int run_command_line(int argc,
                     const char* const* argv,
                     const ServeCommand& serve,
                     std::ostream& out,
                     std::ostream& err) {
  CLI::App app("postern: an SMTP relay and forwarding gateway", "postern");
  app.set_version_flag("--version", std::string("postern ") + POSTERN_VERSION);
  app.require_subcommand(1);
  CheckOptions check_options;
  ExplainOptions explain_options;
  ServeOptions serve_options;
  if (serve) add_serve(app, serve_options);
  add_check(app, check_options);
  add_explain(app, explain_options);
  PasswdOptions passwd_options;
  add_passwd(app, passwd_options);
  const QueueLine queue_line(app, kDefaultConfig);
  StatsOptions stats_options;
  add_stats(app, stats_options);
  const HopsLine hops_line(app, kDefaultConfig);
  const TlsReportLine tls_report_line(app, kDefaultConfig);
  const WaveLine wave_line(app, kDefaultConfig);
  const ReplayLine replay_line(app, kDefaultConfig);
  MailTools mail_tools(app);
  std::vector<std::string> words = mail_tools.send.take({argv + std::min(argc, 1), argv + argc});
  std::reverse(words.begin(), words.end());  // as CLI11 wants it
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, error, {argv + std::min(argc, 1), argv + argc}, out, err);
  }
  if (app.got_subcommand("check")) return run_check(check_options, out, err);
  if (app.got_subcommand("explain")) return run_explain(explain_options, out, err);
  if (app.got_subcommand("passwd")) return run_passwd(passwd_options, out, err);
  if (app.got_subcommand("queue")) {
    gateway::Parsed<QueueOptions> queue_options = queue_line.options();
    if (!queue_options) {
      err << queue_options.error().text << "\n";
      return kWrongUse;
    }
    if (::isatty(STDIN_FILENO) == 1) queue_options->answers = &std::cin;
    return run_queue(*queue_options, out, err);
  }
  if (app.got_subcommand("stats")) return run_stats(stats_options, out, err);
  if (app.got_subcommand("hops")) return run_hops(hops_line.options(), out, err);
  if (app.got_subcommand("tls-report")) return run_tls_report(tls_report_line.options(), out, err);
  if (app.got_subcommand("wave")) {
    const auto wave = [&](const WaveOptions& options) { return run_wave(options, out, err); };
    return run_parsed(wave_line.options(), wave, err);
  }
  if (app.got_subcommand("replay")) return run_replay(replay_line.replay(), out, err);
  if (app.got_subcommand("reload")) {
    const auto reload = [&](const ReloadOptions& options) { return run_reload(options, out, err); };
    return run_parsed(replay_line.reload(), reload, err);
  }
  if (const auto status = mail_tools.run(app, out, err)) return *status;
  return serve(serve_options, out, err);
}

}  // namespace postern::tools
