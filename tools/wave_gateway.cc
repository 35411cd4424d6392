// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_gateway.h"

#include "tools/decide.h"

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

/// A message of the queue.
struct Waiting {
  std::string id;
  bool is_held = false;
  std::vector<smtp::Mailbox> recipients;
};

/// One more try of a letter does no harm, since it asks the stages again: who cannot be asked about
/// counts.
bool may_be_meant(const routing::Directory& members, const smtp::Mailbox& recipient) {
  return look_up(members, recipient).presence != routing::Presence::unknown;
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
  std::vector<Waiting> all;
  const auto answer = ask(socket, request, [&all](const Json& message) {
    const auto recipients = message.find("recipients");
    if (recipients == message.end() || !recipients->is_array()) return;
    Waiting one;
    one.id = message.value("id", std::string());
    one.is_held = message.value("state", std::string()) == name_of(gateway::QueueState::held);
    for (const Json& recipient : *recipients) {
      const auto mailbox = smtp::Mailbox::parse(recipient.value("address", std::string()));
      if (mailbox) one.recipients.push_back(*mailbox);
    }
    all.push_back(std::move(one));
  });
  if (!answer) return answer.error();
  // Behind the list: a directory may take its time, and the gateway waits for who reads from it.
  QueuedForMembers out;
  for (Waiting& message : all) {
    const auto meant = static_cast<std::size_t>(
        std::count_if(message.recipients.begin(), message.recipients.end(), [&](const auto& one) {
          return may_be_meant(members, one);
        }));
    if (meant == 0) continue;
    ++out.messages;
    out.recipients += meant;
    if (!message.is_held) out.ids.push_back(std::move(message.id));
  }
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
