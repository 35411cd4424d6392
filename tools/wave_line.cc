// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_line.h"

#include <fmt/format.h>

namespace postern::tools {

WaveLine::WaveLine(CLI::App& app, const std::string& default_config) {
  typed_.config = default_config;
  wave_ = app.add_subcommand("wave", "groups of users who move together: list, show, set");
  wave_->require_subcommand(1);
  wave_->add_option("-c,--config", typed_.config, "the config file, which set changes in place")
      ->type_name("FILE")
      ->capture_default_str();
  wave_->footer(
      "Exit status: 0 done (also where no gateway runs), 1 refused or not taken, 2 wrong use or "
      "config.");
  add("list", "all waves: state, members, since when");
  CLI::App* show = add("show", "one wave, and where mail for each member goes");
  show->add_option("wave", typed_.name, "the wave's name")->type_name("NAME")->required();
  CLI::App* set = add(
      "set", "changes a wave's state in the config, has the gateway reload, and the queue follow");
  set->add_option("wave", typed_.name, "the wave's name")->type_name("NAME")->required();
  set->add_option("state", state_, "planned, dual, cutover or rolled_back")
      ->type_name("STATE")
      ->required();
  set->add_flag("--dry-run", typed_.dry_run, "only say whose way would change");
  set->add_flag("--force", typed_.force, "also a step that is none of a migration's");
}

CLI::App* WaveLine::add(const std::string& name, const std::string& what) {
  CLI::App* added = wave_->add_subcommand(name, what);
  added->fallthrough();  // --config may stand behind it too
  added->add_flag("--json", typed_.json, "as JSON");
  return added;
}

gateway::Parsed<WaveOptions> WaveLine::options() const {
  WaveOptions out = typed_;
  if (wave_->got_subcommand("show")) out.command = WaveOptions::Command::show;
  if (!wave_->got_subcommand("set")) return out;
  out.command = WaveOptions::Command::set;
  const std::optional<routing::WaveState> state = routing::parse_wave_state(state_);
  if (!state) {
    return gateway::Mistake{
        fmt::format("postern wave set: there is no state \"{}\"; write planned, dual, cutover or "
                    "rolled_back",
                    state_)};
  }
  out.state = *state;
  return out;
}

}  // namespace postern::tools
