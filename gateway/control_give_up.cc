// SPDX-License-Identifier: Apache-2.0
// Remove and bounce.
#include "gateway/control_answers.h"
#include "gateway/control_commands.h"
#include "gateway/control_filter.h"
#include "queue/spool/errors.h"

#include <utility>

namespace postern::gateway {

std::string sentence(std::error_code error) {
  if (error == make_error_code(spool::Errc::not_found) ||
      error == make_error_code(spool::Errc::settled)) {
    return "not in the queue";
  }
  if (error == make_error_code(spool::Errc::leased)) return "is being delivered at this moment";
  return error.message();
}

/// With a filter, the recipients that it means; with an id, all.
void ControlCommands::give_up(const Ids& ids, const ControlRequest& request, Tally& tally) {
  const bool bounces = request.command == ControlCommand::bounce;
  using Given = Answers<queue::Engine::GivenUp>;
  Given answers;
  Ids gone;
  const auto take = [&](const Given::Asked& asked, const queue::Engine::GivenUp& out) {
    if (out.error) return say_no(asked.id, sentence(out.error), tally);
    say(asked.id, asked.result, out.recipients, out.busy);
    ++tally.messages;
    tally.recipients += out.recipients;
    if (out.busy > 0) ++tally.refused;
    if (out.settled) gone.push_back(asked.id);
  };
  for (const spool::MessageId id : ids) {
    if (sink_.is_over()) break;
    std::vector<std::uint32_t> indices;
    if (request.ids.empty()) {
      const Result<spool::MessagePtr> message = load(id);
      if (message)
        indices = selected(request.filter, id, (*message)->envelope(), spool::wall_now());
      if (indices.empty()) continue;  // delivered meanwhile
    }
    auto done = [told = answers.expect({id, bounces ? "bounced" : "removed"})](
                    const queue::Engine::GivenUp& out) { told->set_value(out); };
    if (bounces) {
      next_engine().bounce(id, std::move(indices), std::move(done));
    } else {
      next_engine().discard(id, std::move(indices), std::move(done));
    }
    if (answers.is_full()) answers.collect(take, [this] { return sink_.is_over(); });
  }
  answers.collect(take, [this] { return sink_.is_over(); });
  on_workers([&gone](queue::Engine& engine) { engine.forget(gone); });
}

}  // namespace postern::gateway
