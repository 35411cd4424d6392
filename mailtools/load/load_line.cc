// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/load_line.h"

#include "mailtools/load/run.h"

#include <ostream>

namespace postern::load {
namespace {

constexpr int kWrongUse = 2;

}  // namespace

LoadLine::LoadLine(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "load", "letters at a rate or by a number of sessions, and what they took");
  add_pace(*command);
  add_letters(*command);
  add_connection(*command);
  add_figures(*command);
  command->footer(
      "Exit status: 0 all letters were taken, 1 some failed (or with --sink did not arrive), or "
      "--idle or --slow sessions could not be opened, "
      "2 wrong command line, 69 the server cannot be used at all, 73 a file of figures cannot be "
      "written. Ctrl-C ends early and prints the figures.");
}

void LoadLine::add_pace(CLI::App& command) {
  const std::string group = "Pace";
  command.add_option("--rate", typed_.rate, "open loop: letters a second, due by a fixed schedule")
      ->type_name("N")
      ->group(group);
  command.add_option("--arrivals", typed_.arrivals, "of the open loop: constant or poisson")
      ->type_name("KIND")
      ->capture_default_str()
      ->group(group);
  command.add_option("--max-sessions", typed_.max_sessions, "of the open loop, at one time")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--sessions",
                  typed_.sessions,
                  "closed loop: so many sessions, each sends the next letter when the last is "
                  "answered")
      ->type_name("N")
      ->group(group);
  command.add_option("--messages", typed_.messages, "ends after so many counted letters")
      ->type_name("N")
      ->group(group);
  command.add_option("--duration", typed_.duration, "ends after so long: 500ms, 30s, 5m")
      ->type_name("TIME")
      ->group(group);
  command
      .add_option(
          "--warm-up", typed_.warm_up, "not counted before that: a time, or so many letters")
      ->type_name("TIME|N")
      ->group(group);
  command.add_option("--timeout", typed_.timeout, "for a connection, a block and each reply")
      ->type_name("TIME")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", typed_.threads, "that send")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
}

void LoadLine::add_letters(CLI::App& command) {
  const std::string group = "Letters";
  command.add_option("--size", typed_.size, "octets, or a mix: 1K:80,10K:15,100K:4,10M:1")
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(group);
  command.add_option("--recipients", typed_.recipients, "of a letter, or a mix: 1:90,10:10")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  command.add_option("--from", typed_.from, "sender; %n is the letter's number")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(group);
  command.add_option("--to", typed_.to, "recipients; %n is a number between 1 and --users")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(group);
  command.add_option("--users", typed_.users, "numbers for %n in --to, one after the other")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--bdat", typed_.bdat, "BDAT instead of DATA (RFC 3030)")->group(group);
  command
      .add_option("--chunk-size", typed_.chunk_size, "octets of a BDAT chunk (the whole letter)")
      ->type_name("SIZE")
      ->group(group);
  command.add_flag("--no-pipelining", typed_.no_pipelining, "each command waits for its reply")
      ->group(group);
}

void LoadLine::add_connection(CLI::App& command) {
  const std::string group = "Connections";
  command.add_option("--server", typed_.server, "name or address")
      ->type_name("HOST")
      ->capture_default_str()
      ->group(group);
  command.add_option("--port", typed_.port)->type_name("N")->capture_default_str()->group(group);
  command.add_option("--helo", typed_.helo, "what EHLO says (this host's name)")
      ->type_name("NAME")
      ->group(group);
  command.add_option("--reuse", typed_.reuse, "letters a connection; 0: as many as it takes")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--source", typed_.sources, "local addresses, one connection from each in turn")
      ->type_name("ADDRESS")
      ->group(group);
  command.add_option("--tls", typed_.tls, "none, starttls or on-connect")
      ->type_name("HOW")
      ->capture_default_str()
      ->group(group);
  command.add_flag("--tls-verify", typed_.verify, "the server's certificate must be right")
      ->group(group);
  command.add_option("--tls-ca", typed_.ca, "authorities to verify by, PEM (the system's)")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--tls-resume", typed_.resume, "resumes TLS sessions where the server does")
      ->group(group);
  command.add_option("--auth-user", typed_.auth_user, "logs in on each connection")
      ->type_name("USER")
      ->group(group);
  command.add_option("--auth-password", typed_.auth_password, "or in POSTERN_AUTH_PASSWORD")
      ->type_name("PASSWORD")
      ->envname("POSTERN_AUTH_PASSWORD")
      ->group(group);
  command.add_option("--idle", typed_.idle, "beside the letters: sessions that do nothing")
      ->type_name("N")
      ->group(group);
  command.add_option("--slow", typed_.slow, "beside the letters: sessions of one octet a second")
      ->type_name("N")
      ->group(group);
}

void LoadLine::add_figures(CLI::App& command) {
  const std::string group = "Figures";
  command
      .add_option("--sink",
                  typed_.sink,
                  "runs a sink there, so that what arrives is counted and timed end to end")
      ->type_name("ADDRESS:PORT")
      ->group(group);
  command
      .add_option("--sink-wait", typed_.sink_wait, "at the end: so long without an arrival is over")
      ->type_name("TIME")
      ->capture_default_str()
      ->group(group);
  command.add_option("--json", typed_.json, "the figures as JSON; - is standard output")
      ->type_name("FILE")
      ->group(group);
  command.add_option("--plot", typed_.plot, "latency against percentile, as SVG")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--quiet", typed_.quiet, "no progress on the terminal")->group(group);
}

int LoadLine::run(std::ostream& out, std::ostream& err) const {
  const Read<Options> options = read_options(typed_);
  if (options) return run_load(*options, out, err);
  err << "postern load: " << options.error() << "\n";
  return kWrongUse;
}

}  // namespace postern::load
