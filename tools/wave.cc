// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "gateway/control_socket.h"
#include "tools/decide.h"
#include "tools/queue_print.h"
#include "tools/wave_gateway.h"
#include "tools/wave_log.h"
#include "tools/wave_run.h"
#include "tools/wave_ways.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>

namespace postern::tools {
namespace {

using gateway::Snapshot;
using routing::Waves;
using Json = nlohmann::ordered_json;

/// All that is known of one wave without asking about its users.
struct WaveFacts {
  std::string name;
  std::string state;
  std::string file;                    ///< or the setting that names a directory
  bool is_listed = true;               ///< false: a directory knows the members, one by one
  std::optional<std::size_t> members;  ///< nullopt: the file cannot be read, or is none
  std::string problem;
  std::optional<WaveChange> since;     ///< the change that the state comes from; none: by hand
  std::optional<std::string> running;  ///< the state that the gateway serves with
};

WaveFacts facts_of(const Waves::Wave& wave,
                   const std::vector<WaveChange>& log,
                   const std::map<std::string, std::string>& running) {
  WaveFacts out;
  out.name = wave.config.name;
  out.state = routing::name_of(wave.config.state);
  out.file = wave.config.members;
  out.is_listed = wave.file != nullptr;
  if (wave.file) {
    out.file = wave.file->file().path();
    if (const auto table = wave.file->file().table()) out.members = table->size();
    out.problem = wave.file->file().problem();
  }
  for (const WaveChange& change : log) {
    if (change.wave == out.name) out.since = change;
  }
  if (out.since && out.since->to != wave.config.state) out.since.reset();
  const auto found = running.find(out.name);
  if (found != running.end()) out.running = found->second;
  return out;
}

Json json_of(const WaveFacts& facts) {
  Json out;
  out["name"] = facts.name;
  out["state"] = facts.state;
  out["running"] = facts.running ? Json(*facts.running) : Json();
  out["members"] = facts.members ? Json(*facts.members) : Json();
  out["listed"] = facts.is_listed;
  out["file"] = facts.file;
  out["since"] = facts.since ? Json(facts.since->time) : Json();
  out["by"] = facts.since ? Json(facts.since->user) : Json();
  return out;
}

/// What is not as it should be, a line each.
void print_notes(const WaveRun& run, const WaveFacts& facts) {
  if (facts.is_listed && !facts.members) {
    run.err << "wave " << facts.name << ": its members cannot be read: " << facts.problem << "\n";
  }
  if (facts.running && *facts.running != facts.state) {
    run.err << "wave " << facts.name << ": the gateway that runs still has it as " << *facts.running
            << ": reload it (SIGHUP)\n";
  }
}

std::string shown_members(const WaveFacts& facts) {
  if (!facts.is_listed) return "asked";
  return facts.members ? std::to_string(*facts.members) : "?";
}

/// The config's waves in its order, with what the log and the gateway know of them.
std::vector<WaveFacts> all_facts(const Snapshot& snapshot) {
  const gateway::Config& config = snapshot.config();
  const std::vector<WaveChange> log = read_wave_log(wave_log_path(config.data_dir));
  const auto asked = running_waves(gateway::control_path(config.data_dir));
  const std::map<std::string, std::string> running =
      asked ? *asked : std::map<std::string, std::string>();
  std::vector<WaveFacts> out;
  for (const routing::WaveConfig& wave : config.routing.waves)
    out.push_back(facts_of(*snapshot.waves().find(wave.name), log, running));
  return out;
}

int list(const WaveRun& run, const Snapshot& snapshot) {
  const std::vector<WaveFacts> all = all_facts(snapshot);
  if (run.options.json) {
    Json waves = Json::array();
    for (const WaveFacts& facts : all)
      waves.push_back(json_of(facts));
    run.print_json({
        {"waves", waves}
    });
    return kWaveDone;
  }
  if (all.empty()) {
    run.out << "the config has no [[wave]]\n";
    return kWaveDone;
  }
  std::size_t width = 4;
  for (const WaveFacts& facts : all)
    width = std::max(width, facts.name.size());
  run.out << fmt::format(
      "{:{}}  {:11}  {:>8}  {:20}  {}\n", "WAVE", width, "STATE", "MEMBERS", "SINCE", "BY");
  for (const WaveFacts& facts : all) {
    run.out << fmt::format("{:{}}  {:11}  {:>8}  {:20}  {}\n",
                           facts.name,
                           width,
                           facts.state,
                           shown_members(facts),
                           facts.since ? facts.since->time : "-",
                           facts.since ? facts.since->user : "-");
  }
  const bool listed =
      std::all_of(all.begin(), all.end(), [](const WaveFacts& facts) { return facts.is_listed; });
  if (!listed) {
    run.out
        << "asked: a directory is asked when mail comes, and lists nobody; a user whom two waves "
           "claim\nis found then, and his mail gets 451 4.3.5\n";
  }
  for (const WaveFacts& facts : all)
    print_notes(run, facts);
  return kWaveDone;
}

void print_unlisted(const WaveRun& run, const Snapshot& snapshot, const Waves::Wave& wave) {
  run.out
      << "they cannot be listed: the directory is asked about each user when mail comes for him "
         "(postern explain says\nwhat becomes of one); a user whom another wave claims, too, is "
         "found then, and his mail gets 451 4.3.5\n";
  const std::string problem = problem_of_members(snapshot, wave);
  if (problem.empty()) return;
  run.err << "wave " << wave.config.name << ": its members cannot be asked: " << problem << "\n";
}

int show(const WaveRun& run, const Snapshot& snapshot) {
  const Waves::Wave* wave = snapshot.waves().find(run.options.name);
  if (wave == nullptr) return no_such_wave(run, snapshot.config());
  const std::vector<WaveFacts> all = all_facts(snapshot);
  const auto facts = std::find_if(
      all.begin(), all.end(), [&run](const WaveFacts& f) { return f.name == run.options.name; });
  Json members = Json::array();
  std::map<std::string, std::size_t> ways;
  std::string lines;
  const auto take = [&](const smtp::Mailbox& member, std::size_t line) {
    const WayOf way = way_of(snapshot, member);
    ++ways[way.way];
    if (run.options.json) {
      members.push_back({
          {"address", member.text()},
          {"line",    line         },
          {"way",     way.way      },
          {"reason",  way.reason   }
      });
    } else {
      lines += fmt::format("  {}  {}  {}\n", member.text(), way.way, way.reason);
    }
  };
  if (wave->file) wave->file->each(take);
  if (run.options.json) {
    Json out = json_of(*facts);
    out["members_list"] = std::move(members);
    run.print_json(out);
    return kWaveDone;
  }
  run.out << fmt::format("wave {}: {}", facts->name, facts->state);
  if (facts->since) run.out << " since " << facts->since->time << ", by " << facts->since->user;
  run.out << "\nmembers: " << facts->file << "\n";
  if (!facts->is_listed) print_unlisted(run, snapshot, *wave);
  for (const auto& [way, users] : ways)
    run.out << counted(users, "user") << ": mail from outside goes to " << way << "\n";
  run.out << lines;
  print_notes(run, *facts);
  return kWaveDone;
}

}  // namespace

int WaveRun::fail(int status, std::string_view why) const {
  err << "postern wave: " << why << "\n";
  return status;
}

void WaveRun::print_json(const Json& object) const {
  out << object.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

std::shared_ptr<const Snapshot> wave_snapshot(const WaveRun& run,
                                              std::string_view text,
                                              std::vector<gateway::Finding>* findings) {
  gateway::LoadResult loaded =
      gateway::load_config_text(text, run.options.config, gateway::Environment::from_process());
  if (!loaded.config) {
    print_findings(loaded.findings, run.err);
    return nullptr;
  }
  Snapshot::Options options;
  options.lists = std::make_shared<gateway::ListFiles>(loaded.config->routing);
  if (findings != nullptr) *findings = gateway::check(*loaded.config, *options.lists);
  options.tls = false;
  options.notice = [](const std::string&) {};
  const auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(options));
  if (snapshot) return *snapshot;
  print_findings(snapshot.error(), run.err);
  return nullptr;
}

int no_such_wave(const WaveRun& run, const gateway::Config& config) {
  std::vector<std::string> names;
  for (const routing::WaveConfig& wave : config.routing.waves)
    names.push_back(wave.name);
  const std::optional<std::string> near = gateway::nearest(run.options.name, names);
  std::string advice = "the config has no [[wave]]";
  if (near) {
    advice = fmt::format("write \"{}\"", *near);
  } else if (!names.empty()) {
    advice = "write one of " + gateway::quoted_list(names);
  }
  return run.fail(kWaveWrongUse,
                  fmt::format("there is no wave \"{}\"; {}", run.options.name, advice));
}

std::optional<std::size_t> members_in(const Waves::Wave& wave) {
  if (!wave.file) return std::nullopt;
  const auto table = wave.file->file().table();
  return table ? table->size() : 0;
}

std::string problem_of_members(const Snapshot& snapshot, const Waves::Wave& wave) {
  if (wave.file) return wave.file->file().problem();
  const std::vector<routing::Domain>& domains = snapshot.config().routing.domains;
  if (domains.empty()) return {};
  // Whoever it is: that there is an answer is what counts.
  const std::string& domain =
      wave.config.domain.empty() ? domains.front().name : wave.config.domain;
  const routing::DirectoryAnswer answer = look_up(*wave.members, {"postmaster", domain});
  return answer.presence == routing::Presence::unavailable ? answer.evidence : std::string();
}

int run_wave(const WaveOptions& options, std::ostream& out, std::ostream& err) {
  const WaveRun run{options, out, err};
  if (options.command == WaveOptions::Command::set) return set_wave(run);
  std::ifstream file(options.config, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return run.fail(kWaveWrongUse, fmt::format("the config {} cannot be read", options.config));
  }
  const std::shared_ptr<const Snapshot> snapshot = wave_snapshot(run, text.str(), nullptr);
  if (!snapshot) return kWaveWrongUse;
  return options.command == WaveOptions::Command::list ? list(run, *snapshot)
                                                       : show(run, *snapshot);
}

}  // namespace postern::tools
