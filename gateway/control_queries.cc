// SPDX-License-Identifier: Apache-2.0
// The commands that only ask.
#include "gateway/control_commands.h"
#include "gateway/control_filter.h"
#include "gateway/control_report.h"
#include "gateway/control_text.h"
#include "gateway/memory_report.h"
#include "gateway/worker.h"
#include "queue/spool/errors.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;

std::string not_there(const std::string& id) {
  return fmt::format("there is no message {} in the queue", id);
}

/// Sums up what was listed.
struct Listed {
  std::size_t messages = 0;
  std::size_t recipients = 0;
  std::uint64_t octets = 0;
  spool::MessageId last;

  void add(spool::MessageId id, const spool::Envelope& envelope, std::size_t of) {
    ++messages;
    recipients += of;
    octets += envelope.octets;
    last = std::max(last, id);
  }
  Json result() const {
    Json out;
    out["messages"] = messages;
    out["recipients"] = recipients;
    out["size"] = octets;
    if (messages > 0) out["up_to"] = last.str();
    return out;
  }
};

/// A message's first octets, to the client piece by piece.
net::Awaitable<void> send_octets(spool::BodyReader reader,
                                 std::uint64_t octets,
                                 ControlSink& sink,
                                 std::error_code& error) {
  while (octets > 0 && !sink.is_over()) {
    const Result<spool::Chunk> chunk = co_await reader.next();
    if (!chunk) {
      error = chunk.error();
      co_return;
    }
    if (!*chunk) co_return;
    const std::string_view piece = std::string_view(**chunk).substr(0, octets);
    octets -= piece.size();
    Json line;
    line["octets"] = octets_as_text(piece);
    sink.line(line);
  }
}

}  // namespace

void ControlCommands::list(const ControlFilter& filter) {
  const spool::WallTime now = spool::wall_now();
  Listed listed;
  target_.spool->scan(
      spool::Spool::Which::all, [&](spool::MessageId id, const spool::Envelope& envelope) {
        if (sink_.is_over()) return;
        const std::vector<std::uint32_t> meant = selected(filter, id, envelope, now);
        if (meant.empty()) return;
        sink_.line(summary_of(id, envelope, meant, now));
        listed.add(id, envelope, meant.size());
      });
  sink_.done(listed.result());
}

/// A dry run: what a change would be about, as list shows it.
void ControlCommands::preview(const ControlRequest& request) {
  if (request.ids.empty()) return list(request.filter);
  const spool::WallTime now = spool::wall_now();
  Listed listed;
  Tally tally;
  for (const spool::MessageId id : chosen(request, tally)) {
    const Result<spool::MessagePtr> message = load(id);
    const spool::Envelope envelope = message ? (*message)->envelope() : spool::Envelope();
    const std::vector<std::uint32_t> meant = selected({}, id, envelope, now);
    if (meant.empty()) {
      say_no(id, "not in the queue", tally);
      continue;
    }
    sink_.line(summary_of(id, envelope, meant, now));
    listed.add(id, envelope, meant.size());
  }
  Json result = listed.result();
  result["refused"] = tally.refused;
  sink_.done(std::move(result));
}

void ControlCommands::show(const std::string& id, bool body) {
  const auto known = spool::MessageId::parse(id);
  if (!known) return sink_.refuse(fmt::format("\"{}\" is no id of a message", id));
  const Result<spool::MessagePtr> message = load(*known);
  if (!message || (*message)->is_settled()) return sink_.refuse(not_there(id));
  const spool::Envelope envelope = (*message)->envelope();
  sink_.line(details_of(*known, envelope, spool::wall_now()));
  if (show_octets(*message, body ? envelope.octets : envelope.header_octets)) sink_.done({});
}

bool ControlCommands::show_octets(const spool::MessagePtr& message, std::uint64_t octets) {
  std::error_code error;
  net::IoContext context(1);
  boost::asio::co_spawn(context,
                        send_octets(target_.spool->read(message), octets, sink_, error),
                        [](const std::exception_ptr& thrown) {
                          if (thrown) std::rethrow_exception(thrown);
                        });
  context.run();
  if (error) sink_.refuse("the message cannot be read: " + error.message());
  return !error;
}

void ControlCommands::stats() {
  std::vector<queue::Engine::LaneStats> lanes;
  on_workers([&lanes](queue::Engine& engine) {
    const std::vector<queue::Engine::LaneStats> some = engine.lanes();
    lanes.insert(lanes.end(), some.begin(), some.end());
  });
  Json out = stats_of(target_.spool->stats(), merged(std::move(lanes)));
  out["memory"] = json_of(memory_report(*target_.spool, std::numeric_limits<std::size_t>::max()));
  if (target_.waves) {
    for (const routing::WaveConfig& wave : target_.waves())
      out["waves"][wave.name] = routing::name_of(wave.state);
  }
  sink_.done(std::move(out));
}

}  // namespace postern::gateway
