// SPDX-License-Identifier: Apache-2.0
#include "gateway/replay_report.h"

#include "gateway/finding.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Years that a date can be shown for; a record may say anything.
constexpr std::chrono::seconds kLastYear{253'402'300'799};

std::string utc(Time time) {
  const auto seconds = std::clamp(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()),
                                  std::chrono::seconds(0),
                                  kLastYear);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(static_cast<std::time_t>(seconds.count())));
}

std::string counted(std::uint64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

void add_group(const ReplayGroup& group, std::string& text) {
  auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "{}: {} -> {}, because {} ({})\n",
                 counted(group.recipients, "recipient"),
                 on_one_line(group.from),
                 on_one_line(group.to),
                 on_one_line(group.stage),
                 on_one_line(group.reason));
  for (const ReplayExample& example : group.examples) {
    fmt::format_to(out,
                   "    {}  <{}> from <{}>, client {}, listener {}\n",
                   utc(example.time),
                   on_one_line(example.recipient),
                   on_one_line(example.sender),
                   example.client,
                   on_one_line(example.listener));
  }
}

Json group_json(const ReplayGroup& group) {
  Json examples = Json::array();
  for (const ReplayExample& example : group.examples) {
    examples.push_back({
        {"time",      utc(example.time)},
        {"recipient", example.recipient},
        {"sender",    example.sender   },
        {"client",    example.client   },
        {"listener",  example.listener }
    });
  }
  return {
      {"recipients", group.recipients},
      {"from",       group.from      },
      {"to",         group.to        },
      {"stage",      group.stage     },
      {"reason",     group.reason    },
      {"deferred",   group.deferred  },
      {"examples",   examples        }
  };
}

}  // namespace

std::string percent(double share) {
  if (share <= 0) return "0%";
  if (share >= 1) return "100%";
  return fmt::format("{:.1f}%", std::clamp(share * 100, 0.1, 99.9));
}

std::string format_text(const ReplayReport& report) {
  std::string text;
  for (const ReplayGroup& group : report.groups)
    add_group(group, text);
  auto out = std::back_inserter(text);
  const auto say = [&out](std::uint64_t count, std::string_view what) {
    if (count != 0) fmt::format_to(out, "{} {}\n", counted(count, "recipient"), what);
  };
  say(report.deferred,
      "would be told to come again (4xx) and were not before: not known to change");
  say(report.deferred_before, "were told to come again (4xx) before: not compared");
  say(report.by_policy, "were decided by a policy server, which is not asked again: not compared");
  say(report.hidden,
      "could not be compared: recorded with hashed local parts ([record] hash), and the local part "
      "decides");
  if (report.damaged != 0) {
    fmt::format_to(out, "{} of the records could not be read\n", counted(report.damaged, "place"));
  }
  if (report.envelopes == 0) return text + "no envelope is recorded\n";
  const double compared = static_cast<double>(report.changed + report.unchanged + report.deferred);
  const double changed = compared > 0 ? static_cast<double>(report.changed) / compared : 0;
  fmt::format_to(out,
                 "{} of {} ({}) would change, {} stay; {} from {} to {}\n",
                 report.changed,
                 counted(report.recipients, "recipient"),
                 percent(changed),
                 report.unchanged,
                 counted(report.envelopes, "envelope"),
                 utc(report.first),
                 utc(report.last));
  return text;
}

Json to_json(const ReplayReport& report) {
  Json groups = Json::array();
  for (const ReplayGroup& group : report.groups)
    groups.push_back(group_json(group));
  Json out = {
      {"envelopes",       report.envelopes      },
      {"recipients",      report.recipients     },
      {"changed",         report.changed        },
      {"unchanged",       report.unchanged      },
      {"deferred",        report.deferred       },
      {"deferred_before", report.deferred_before},
      {"hidden",          report.hidden         },
      {"by_policy",       report.by_policy      },
      {"damaged",         report.damaged        },
      {"share",           report.share()        }
  };
  if (report.envelopes != 0) {
    out["first"] = utc(report.first);
    out["last"] = utc(report.last);
  }
  out["groups"] = groups;
  return out;
}

}  // namespace postern::gateway
