// SPDX-License-Identifier: Apache-2.0
// The commands that change what becomes of messages.
#include "gateway/control_answers.h"
#include "gateway/control_commands.h"
#include "gateway/control_filter.h"
#include "gateway/worker.h"
#include "queue/spool/errors.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;
using spool::Errc;

/// Recipients that are being delivered at this moment.
std::size_t busy(const spool::MessagePtr& message) {
  std::size_t pending = 0;
  for (std::size_t i = 0; i < message->recipients(); ++i)
    pending += message->recipient(i).fate == spool::Fate::pending ? 1 : 0;
  const Result<spool::Lease> free = message->lease_pending();
  if (free) return pending - free->indices().size();
  return free.error() == make_error_code(Errc::leased) ? pending : 0;
}

}  // namespace

void ControlCommands::say(spool::MessageId id,
                          const char* what,
                          std::size_t recipients,
                          std::size_t left_alone) {
  Json line;
  line["id"] = id.str();
  line["result"] = what;
  if (recipients > 0) line["recipients"] = recipients;
  if (left_alone > 0) line["busy"] = left_alone;
  sink_.line(line);
}

void ControlCommands::say_no(spool::MessageId id, const std::string& why, Tally& tally) {
  ++tally.refused;
  Json line;
  line["id"] = id.str();
  line["error"] = why;
  sink_.line(line);
}

/// The messages of a request, ids ascending. Ids alone: a queue of a million must fit.
ControlCommands::Ids ControlCommands::chosen(const ControlRequest& request, Tally& tally) {
  Ids out;
  for (const std::string& text : request.ids) {
    if (const auto id = spool::MessageId::parse(text)) {
      out.push_back(*id);
      continue;
    }
    ++tally.refused;
    Json line;
    line["id"] = text;
    line["error"] = "no id of a message";
    sink_.line(line);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (!request.ids.empty()) return out;
  const spool::WallTime now = spool::wall_now();
  target_.spool->scan(spool::Spool::Which::all, [&](spool::MessageId id, const auto& envelope) {
    if (!sink_.is_over() && !selected(request.filter, id, envelope, now).empty()) out.push_back(id);
  });
  return out;
}

void ControlCommands::change(const ControlRequest& request) {
  const std::scoped_lock alone(target_.changes);
  Tally tally;
  const Ids ids = chosen(request, tally);
  switch (request.command) {
    case ControlCommand::hold:
      hold(ids, tally);
      break;
    case ControlCommand::release:
      release(ids, tally);
      break;
    case ControlCommand::retry:
      retry(ids, tally);
      break;
    default:
      give_up(ids, request, tally);
  }
  spdlog::info("operator: {}: {} messages changed, {} refused",
               name_of(request.command),
               tally.messages,
               tally.refused);
  Json result;
  result["messages"] = tally.messages;
  if (tally.recipients > 0) result["recipients"] = tally.recipients;
  result["refused"] = tally.refused;
  sink_.done(std::move(result));
}

/// The message, if it is in the queue; null: it was said that it is not.
spool::MessagePtr ControlCommands::queued(spool::MessageId id, Tally& tally) {
  const Result<spool::MessagePtr> message = load(id);
  if (message && !(*message)->is_settled()) return *message;
  say_no(id, message ? sentence(make_error_code(Errc::settled)) : sentence(message.error()), tally);
  return nullptr;
}

void ControlCommands::hold(const Ids& ids, Tally& tally) {
  using Held = Answers<std::error_code>;
  Held answers;
  const auto is_over = [this] { return sink_.is_over(); };
  Ids held;
  const auto take = [&](const Held::Asked& asked, std::error_code error) {
    if (error) return say_no(asked.id, sentence(error), tally);
    say(asked.id, asked.result, 0, asked.busy);
    ++tally.messages;
    held.push_back(asked.id);
  };
  for (const spool::MessageId id : ids) {
    if (sink_.is_over()) break;
    const spool::MessagePtr message = queued(id, tally);
    if (!message) continue;
    const bool already = message->envelope().held;
    const Held::Asked asked{id, already ? "held already" : "held", busy(message)};
    message->set_held(
        true, [told = answers.expect(asked)](std::error_code error) { told->set_value(error); });
    if (answers.is_full()) answers.collect(take, is_over);
  }
  answers.collect(take, is_over);
  on_workers([&held](queue::Engine& engine) { engine.forget(held); });
}

void ControlCommands::release(const Ids& ids, Tally& tally) {
  using Released = Answers<std::error_code>;
  Released answers;
  std::vector<queue::Engine::Recovered> waiting;
  const auto collect = [&] {
    const auto take = [&](const Released::Asked& asked, std::error_code error) {
      if (error) return say_no(asked.id, sentence(error), tally);
      say(asked.id, asked.result, 0, 0);
      ++tally.messages;
    };
    answers.collect(take, [this] { return sink_.is_over(); });
    next_engine().post_recovered(std::exchange(waiting, {}));
  };
  for (const spool::MessageId id : ids) {
    if (sink_.is_over()) break;
    const spool::MessagePtr message = queued(id, tally);
    if (!message) continue;
    if (!message->envelope().held) {
      say_no(id, "is not held", tally);
      continue;
    }
    message->set_held(false, [told = answers.expect({id, "released"})](std::error_code error) {
      told->set_value(error);
    });
    for (auto& one : queue::Engine::waiting_of(id, message->envelope()))
      waiting.push_back(std::move(one));
    if (answers.is_full()) collect();
  }
  collect();
}

/// What waits for its time is due now; false: nothing could be changed.
bool ControlCommands::make_due(const spool::MessagePtr& message, Tally& tally) {
  Result<spool::Lease> lease = message->lease_pending();
  if (!lease) {
    const bool held = lease.error() == make_error_code(Errc::held);
    say_no(message->id(), held ? "is held: release it" : sentence(lease.error()), tally);
    return false;
  }
  const spool::WallTime now = spool::wall_now();
  const std::vector<std::uint32_t> indices = lease->indices();
  for (const std::uint32_t index : indices) {
    const spool::Recipient r = message->recipient(index);
    if (r.due > now) lease->reschedule(index, now, r.lane, spool::Attempt{{}, {}, false});
  }
  lease->release();
  say(message->id(), "scheduled", indices.size(), busy(message));
  ++tally.messages;
  tally.recipients += indices.size();
  return true;
}

void ControlCommands::retry(const Ids& ids, Tally& tally) {
  Ids due;
  for (const spool::MessageId id : ids) {
    if (sink_.is_over()) break;
    const spool::MessagePtr message = queued(id, tally);
    if (message && make_due(message, tally)) due.push_back(id);
  }
  Ids found;
  on_workers([&](queue::Engine& engine) {
    const Ids some = engine.retry(std::span<const spool::MessageId>(due));
    found.insert(found.end(), some.begin(), some.end());
  });
  std::sort(found.begin(), found.end());
  // In no lane: its delivery has just ended, or begins. A second place in a lane does no harm.
  std::vector<queue::Engine::Recovered> rest;
  for (const spool::MessageId id : due) {
    if (std::binary_search(found.begin(), found.end(), id)) continue;
    const Result<spool::MessagePtr> message = load(id);
    if (!message) continue;
    for (auto& one : queue::Engine::waiting_of(id, (*message)->envelope()))
      rest.push_back(std::move(one));
  }
  if (!rest.empty()) next_engine().post_recovered(std::move(rest));
}

}  // namespace postern::gateway
