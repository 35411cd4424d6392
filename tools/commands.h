// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/control_request.h"
#include "gateway/finding.h"
#include "routing/wave_config.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

// The subcommands of the executable as functions of their options and streams: the same in a test
// and in main(). Each returns the process's exit status; 2 always means "wrong command line or
// config".

namespace postern::tools {

struct ServeOptions {
  std::string config;
  bool force = false;  ///< also where the proof has found errors (docs/proof.md)
};
/// Serves until SIGTERM or SIGINT. 0: ended as asked, 1: could not listen, 2: wrong config.
int run_serve(const ServeOptions& options, std::ostream& out, std::ostream& err);

struct CheckOptions {
  std::string config;
  bool json = false;
  std::string graph;  ///< "mermaid" or "dot": the flow in place of the findings; empty: none
};
/// 0: sound, 1: warnings, 2: errors. With `graph` the findings go to `err`.
int run_check(const CheckOptions& options, std::ostream& out, std::ostream& err);

struct ExplainOptions {
  std::string config;
  std::string client;                   ///< address
  std::string sender;                   ///< "" or "<>": the null sender
  std::vector<std::string> recipients;  ///< at least one
  std::string listener;                 ///< name; empty: the first mx one
  std::string identity;                 ///< authenticated as; empty: not
  std::optional<std::uint64_t> size;    ///< as MAIL declares it
  bool json = false;
};
/// 0: a decision was made for each recipient, whatever it is.
int run_explain(const ExplainOptions& options, std::ostream& out, std::ostream& err);

struct QueueOptions {
  std::string config;
  gateway::ControlRequest request;
  bool json = false;
  bool yes = false;                 ///< does not ask
  std::istream* answers = nullptr;  ///< of a terminal; null: there is none, and nobody to ask
};
/// Asks the gateway that runs on this config's data_dir. 0: done, 1: refused, or nothing matched,
/// 69: it is not running, 77: it is another user's.
int run_queue(const QueueOptions& options, std::ostream& out, std::ostream& err);

struct HopsOptions {
  std::string config;
  std::string name;  ///< one next hop's; empty: all
  bool json = false;
};
/// Asks the gateway that runs on this config's data_dir how its next hops are. 0: told, 1: there is
/// no such next hop, 2: a config without a readable data_dir, 69: it is not running, 77: it is
/// another user's.
int run_hops(const HopsOptions& options, std::ostream& out, std::ostream& err);

struct TlsReportOptions {
  std::string config;
  std::string day;    ///< "2026-11-30"; empty: today, by UTC
  bool send = false;  ///< sends the reports in place of printing them
};
/// Asks the gateway that runs on this config's data_dir for the TLS reports of a day: a line of
/// JSON each. 0: told or sent, 1: refused, or some could not be sent, 2: a config without a
/// readable data_dir, 69: it is not running, 77: it is another user's.
int run_tls_report(const TlsReportOptions& options, std::ostream& out, std::ostream& err);

struct StatsOptions {
  std::string config;
};
/// Prints what the gateway that runs on this config's data_dir counts (docs/metrics.md). 0:
/// printed, 2: a config without a readable data_dir, 69: it is not running, 77: it is another
/// user's.
int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err);

struct WaveOptions {
  enum class Command : std::uint8_t { list, show, set };
  std::string config;
  Command command = Command::list;
  std::string name;                                        ///< of show and set
  routing::WaveState state = routing::WaveState::planned;  ///< of set
  bool dry_run = false;
  bool force = false;  ///< also a step that is none of a migration's
  bool json = false;
};
/// 0: done, also where no gateway runs that could be told; 1: refused, or the gateway has not taken
/// it; 2: wrong config, no such wave.
int run_wave(const WaveOptions& options, std::ostream& out, std::ostream& err);
struct ReplayOptions {
  std::string config;     ///< the new one
  std::string against;    ///< empty: what was decided when the envelopes were recorded
  std::string data_dir;   ///< empty: the new config's
  std::string records;    ///< a file or folder of records; empty: in data_dir
  std::size_t limit = 0;  ///< the last so many envelopes; 0: all
  bool json = false;
};
/// 0: nothing would change, 1: something would, or could not be told for want of a directory's
/// answer, 2: errors.
int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err);

struct ReloadOptions {
  std::string config;
  std::optional<double> guard;  ///< 0 to 1
  bool dry_run = false;
  bool json = false;
};
/// Asks the gateway that runs on this config's data_dir to read its config again. 0: taken (or
/// sound, of a dry run), 1: refused, 2: the config is wrong, 69: it is not running, 77: it is
/// another user's.
int run_reload(const ReloadOptions& options, std::ostream& out, std::ostream& err);

/// One line each.
void print_findings(const std::vector<gateway::Finding>& findings, std::ostream& out);

using ServeCommand = std::function<int(const ServeOptions&, std::ostream&, std::ostream&)>;
/// Takes the command line apart and runs what it asks for.
int run_command_line(int argc,
                     const char* const* argv,
                     const ServeCommand& serve,
                     std::ostream& out,
                     std::ostream& err);

}  // namespace postern::tools
