// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_data_dir.h"
#include "gateway/control_socket.h"
#include "tools/commands.h"
#include "tools/control_client.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kWrong = 2;

std::string sentence(const std::string& result) {
  if (result == "taken") return "the new config is in force";
  if (result == "sound") return "dry run: the config is sound, nothing was changed";
  if (result == "refused") return "refused: the config of before goes on";
  if (result == "wrong") return "the config has errors: the one of before goes on";
  return "the gateway is stopping: nothing was changed";
}

void print_line(const Json& line, std::ostream& out, std::ostream& err) {
  if (line.contains("finding")) err << line.value("finding", std::string()) << "\n";
  if (line.contains("text")) out << line.value("text", std::string());
}

void print_result(const Json& answer, std::ostream& out, std::ostream& err) {
  const std::string note = answer.value("note", std::string());
  if (!note.empty()) err << note << "\n";
  for (const Json& name : answer.value("need_restart", Json::array())) {
    err << "listener " << (name.is_string() ? name.get<std::string>() : std::string())
        << " is new, gone or has another address: that needs a restart\n";
  }
  for (const Json& key : answer.value("restart_for", Json::array())) {
    err << (key.is_string() ? key.get<std::string>() : std::string())
        << " has changed since the start: that needs a restart\n";
  }
  out << sentence(answer.value("result", std::string())) << "\n";
}

}  // namespace

int run_reload(const ReloadOptions& options, std::ostream& out, std::ostream& err) {
  const gateway::Parsed<std::string> data_dir = gateway::data_dir_of(options.config);
  if (!data_dir) {
    err << "postern reload: " << data_dir.error().text << "\n";
    return kWrong;
  }
  gateway::ControlRequest request;
  request.command = gateway::ControlCommand::reload;
  request.guard = options.guard;
  request.dry_run = options.dry_run;
  Json findings = Json::array();
  Json report;
  const auto answer = ask(gateway::control_path(*data_dir), request, [&](const Json& line) {
    if (!options.json) return print_line(line, out, err);
    if (line.contains("finding")) findings.push_back(line["finding"]);
    if (line.contains("report")) report = line["report"];
  });
  if (!answer) {
    err << "postern reload: " << answer.error().text << "\n";
    return answer.error().status;
  }
  if (options.json) {
    Json all = *answer;
    all.erase("done");
    all["findings"] = findings;
    all["report"] = report;
    out << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    print_result(*answer, out, err);
  }
  const std::string result = answer->value("result", std::string());
  if (result == "taken" || result == "sound") return kDone;
  return result == "wrong" ? kWrong : kRefused;
}

}  // namespace postern::tools
