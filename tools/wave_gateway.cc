// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace postern::tools {
namespace {

using Json = nlohmann::ordered_json;
using gateway::ControlCommand;
using gateway::ControlRequest;

/// Ids of one request: far below what a line of the control socket may hold.
constexpr std::size_t kIdsAtATime = 5000;

ControlFailure failure(std::string text) {
  return {1, std::move(text)};
}

}  // namespace

Result<std::map<std::string, std::string>, ControlFailure> running_waves(
    const std::string& socket) {
  ControlRequest request;
  request.command = ControlCommand::stats;
  const auto answer = ask(socket, request, [](const Json&) {});
  if (!answer) return answer.error();
  std::map<std::string, std::string> out;
  const auto waves = answer->find("waves");
  if (waves == answer->end() || !waves->is_object()) return out;
  for (const auto& [name, state] : waves->items()) {
    if (state.is_string()) out[name] = state.get<std::string>();
  }
  return out;
}

Result<QueuedForMembers, ControlFailure> queued_for(const std::string& socket,
                                                    const routing::Directory& members) {
  ControlRequest request;
  request.command = ControlCommand::list;
  QueuedForMembers out;
  const auto answer = ask(socket, request, [&](const Json& message) {
    const auto recipients = message.find("recipients");
    if (recipients == message.end() || !recipients->is_array()) return;
    std::size_t meant = 0;
    for (const Json& recipient : *recipients) {
      const auto mailbox = smtp::Mailbox::parse(recipient.value("address", std::string()));
      if (!mailbox) continue;
      if (members.look_up_now(*mailbox).presence == routing::Presence::known) ++meant;
    }
    if (meant == 0) return;
    ++out.messages;
    out.recipients += meant;
    if (message.value("state", std::string()) == name_of(gateway::QueueState::held)) return;
    out.ids.push_back(message.value("id", std::string()));
  });
  if (!answer) return answer.error();
  return out;
}

Result<void, ControlFailure> reload_gateway(const std::string& socket,
                                            const std::string& wave,
                                            routing::WaveState state) {
  ControlRequest request;
  request.command = ControlCommand::reload;
  std::string why;
  const auto answer = ask(socket, request, [&why](const Json& line) {
    const std::string finding = line.value("finding", std::string());
    if (finding.find(": error: ") != std::string::npos) why += " (" + finding + ")";
  });
  if (!answer) return answer.error();
  if (answer->value("result", std::string()) != "taken") {
    return failure(fmt::format(
        "the gateway has not taken the new config{}, and the config of before goes on", why));
  }
  const auto waves = running_waves(socket);
  if (!waves) return waves.error();
  const auto found = waves->find(wave);
  if (found != waves->end() && found->second == routing::name_of(state)) return {};
  return failure("the gateway of this data_dir reads another config file, which has not changed");
}

Result<Retried, ControlFailure> retry_messages(const std::string& socket,
                                               const std::vector<std::string>& ids) {
  Retried out;
  for (std::size_t i = 0; i < ids.size(); i += kIdsAtATime) {
    ControlRequest request;
    request.command = ControlCommand::retry;
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(i);
    request.ids.assign(from,
                       from + static_cast<std::ptrdiff_t>(std::min(kIdsAtATime, ids.size() - i)));
    const auto answer = ask(socket, request, [](const Json&) {});
    if (!answer) return answer.error();
    out.messages += answer->value("messages", std::size_t{0});
    // Or settled since they were listed, which is as well.
    out.busy += answer->value("refused", std::size_t{0});
  }
  return out;
}

}  // namespace postern::tools
