// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/stage.h"

#include <algorithm>
#include <utility>

// What `routing.stages` names can be judged only when all is read: some stages are made by tables
// of their own.

namespace postern::gateway {
namespace {

std::string not_there(const std::string& name, const std::vector<std::string>& known) {
  const std::optional<std::string> near = nearest(name, known);
  return fmt::format("there is no stage \"{}\"; write {}",
                     name,
                     near ? "\"" + *near + "\"" : "one of " + quoted_list(known));
}

}  // namespace

std::vector<Finding> judge_stages(const Config& config) {
  std::vector<Finding> out;
  const std::vector<std::string>& stages = config.routing.routing.stages;
  const std::vector<std::string> known = routing::Registry::of(config.routing).names();
  // Which stages plug-ins bring is not known before they are loaded.
  const bool all_known = config.plugins.empty() || config.routing.more_stages != nullptr;
  for (auto it = stages.begin(); it != stages.end(); ++it) {
    const std::string path = fmt::format("routing.stages[{}]", it - stages.begin());
    const bool is_known = std::find(known.begin(), known.end(), *it) != known.end();
    if (std::find(stages.begin(), it, *it) != it) {
      out.push_back(
          config.finding(Severity::error,
                         path,
                         "duplicate-stage",
                         fmt::format("the stage \"{}\" is listed twice; leave one out", *it)));
    } else if (!is_known && all_known) {
      out.push_back(config.finding(Severity::error, path, "unknown-stage", not_there(*it, known)));
    }
  }
  return out;
}

void resolve_stages(Reader& reader) {
  for (Finding& finding : judge_stages(reader.config))
    reader.findings.push_back(std::move(finding));
}

}  // namespace postern::gateway
