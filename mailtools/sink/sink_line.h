// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace postern::sink {

/// What was typed.
struct SinkCommand {
  std::vector<std::string> listen{"127.0.0.1:2525"};
  std::string hostname;
  std::size_t threads = 1;
  bool tls = false;
  std::string tls_cert;
  std::string tls_key;
  bool tls_on_connect = false;
  std::vector<std::string> auth;
  bool auth_required = false;
  std::vector<std::pair<std::string, std::string>> faults;  ///< kind and spec, in their order
  std::uint64_t max_size = std::uint64_t{1} << 30;
  std::size_t max_connections = 100000;
  std::size_t max_recipients = 50000;
  std::uint64_t seed = 1;
  std::string maildir;
  std::string jsonl;
  bool content = false;
  bool count = false;
  bool quiet = false;
  std::uint64_t stop_after = 0;
  std::string control;
};

/// Runs a sink until SIGTERM, SIGINT or --stop-after, and returns the process's exit status. One
/// thread, besides the sink's.
int run_sink(const SinkCommand& command, std::ostream& out, std::ostream& err);

/// `postern sink`: a server that takes every letter; its command line. One thread. Lives as long as
/// `app`.
class SinkLine {
 public:
  explicit SinkLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;

 private:
  std::unique_ptr<SinkCommand> command_;
};

}  // namespace postern::sink
