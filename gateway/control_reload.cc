// SPDX-License-Identifier: Apache-2.0
// `postern reload` on the gateway's side.
#include "gateway/control_commands.h"
#include "gateway/replay_report.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

/// A line for each finding, as text; one for the report; then what became of it.
void ControlCommands::reload(const ControlRequest& request) {
  if (!target_.reload) return sink_.refuse("this gateway does not reload");
  ReloadOrder order;
  order.guard = request.guard;
  order.dry_run = request.dry_run;
  order.stop = stop_;
  const ReloadOutcome outcome = target_.reload(order);
  for (const Finding& finding : outcome.findings)
    sink_.line({
        {"finding", format_text(finding)},
        {"code",    finding.code        }
    });
  if (outcome.report) {
    Json line;
    line["report"] = to_json(*outcome.report);
    line["text"] = format_text(*outcome.report);
    sink_.line(line);
  }
  Json result;
  result["result"] = name_of(outcome.result);
  if (!outcome.note.empty()) result["note"] = outcome.note;
  if (!outcome.need_restart.empty()) result["need_restart"] = outcome.need_restart;
  if (!outcome.restart_for.empty()) result["restart_for"] = outcome.restart_for;
  sink_.done(std::move(result));
}

}  // namespace postern::gateway
