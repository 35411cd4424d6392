// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"
#include "gateway/control_socket.h"
#include "tools/commands.h"
#include "tools/control_client.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace postern::tools {
namespace {

constexpr int kNoConfig = 2;

}  // namespace

int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err) {
  const gateway::Parsed<std::string> data_dir = gateway::data_dir_of(options.config);
  if (!data_dir) {
    err << "postern stats: " << data_dir.error().text << "\n";
    return kNoConfig;
  }
  gateway::ControlRequest request;
  request.command = gateway::ControlCommand::metrics;
  const auto answer =
      ask(gateway::control_path(*data_dir), request, [](const nlohmann::ordered_json&) {});
  if (!answer) {
    err << "postern stats: " << answer.error().text << "\n";
    return answer.error().status;
  }
  out << answer->value("text", std::string());
  return 0;
}

}  // namespace postern::tools
