// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"
#include "gateway/control_socket.h"
#include "tools/commands.h"
#include "tools/control_client.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t count_of(const Json& result, const char* key) {
  return result.value(key, std::int64_t{0});
}

}  // namespace

int run_tls_report(const TlsReportOptions& options, std::ostream& out, std::ostream& err) {
  const gateway::Parsed<std::string> data_dir = gateway::data_dir_of(options.config);
  if (!data_dir) {
    err << "postern tls-report: " << data_dir.error().text << "\n";
    return 2;
  }
  gateway::ControlRequest request;
  request.command = gateway::ControlCommand::tls_report;
  request.day = options.day;
  request.send = options.send;
  const auto answer = ask(gateway::control_path(*data_dir), request, [&out](const Json& line) {
    out << line.value("report", Json()).dump(-1, ' ', true, Json::error_handler_t::replace) << "\n";
  });
  if (!answer) {
    err << "postern tls-report: " << answer.error().text << "\n";
    return answer.error().status;
  }
  if (!options.send) return 0;
  out << fmt::format("{} sent, {} not wanted, {} failed\n",
                     count_of(*answer, "sent"),
                     count_of(*answer, "unwanted"),
                     count_of(*answer, "failed"));
  return count_of(*answer, "failed") == 0 ? 0 : 1;
}

}  // namespace postern::tools
