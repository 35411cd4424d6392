// SPDX-License-Identifier: Apache-2.0
#include "tools/replay_line.h"

#include <fmt/format.h>

#include <charconv>

namespace postern::tools {

ReplayLine::ReplayLine(CLI::App& app, const std::string& default_config) {
  CLI::App* replay =
      app.add_subcommand("replay", "what a config would change about the mail of late");
  replay_.config = default_config;
  replay->add_option("-c,--config", replay_.config, "the new config file")
      ->type_name("FILE")
      ->capture_default_str();
  replay
      ->add_option("--against",
                   replay_.against,
                   "compare with what this config decides, not with what was decided")
      ->type_name("FILE");
  CLI::Option* data_dir =
      replay
          ->add_option("--data-dir",
                       replay_.data_dir,
                       "of the gateway that has recorded; without it, that of --config")
          ->type_name("DIR");
  replay
      ->add_option("--records", replay_.records, "recorded envelopes: a file, or a folder of them")
      ->type_name("PATH")
      ->excludes(data_dir);
  replay->add_option("--limit", replay_.limit, "the last so many envelopes; 0: all")
      ->type_name("N");
  replay->add_flag("--json", replay_.json, "as JSON");
  replay->footer("Exit status: 0 nothing would change, 1 something would, 2 errors.");

  CLI::App* reload = app.add_subcommand(
      "reload", "the gateway that runs reads its config again; a wrong one changes nothing");
  reload_.config = default_config;
  reload
      ->add_option(
          "-c,--config", reload_.config, "the gateway's config file; data_dir is taken from it")
      ->type_name("FILE")
      ->capture_default_str();
  reload
      ->add_option(
          "--guard", guard_, "refuse when more of the recorded recipients would change: 5%")
      ->type_name("SHARE");
  reload->add_flag("--dry-run", reload_.dry_run, "only say what would change");
  reload->add_flag("--json", reload_.json, "as JSON");
  reload->footer(
      "Exit status: 0 done, 1 refused by the guard, 2 errors in the config, 69 postern is not "
      "running, 77 not this user's.");
}

gateway::Parsed<ReloadOptions> ReplayLine::reload() const {
  ReloadOptions out = reload_;
  if (guard_.empty()) return out;
  const gateway::Parsed<double> share = parse_share(guard_);
  if (!share) {
    return gateway::Mistake{fmt::format("postern reload: --guard: {}", share.error().text)};
  }
  out.guard = *share;
  return out;
}

gateway::Parsed<double> parse_share(const std::string& text) {
  std::string_view number = text;
  while (!number.empty() && (number.back() == '%' || number.back() == ' '))
    number.remove_suffix(1);
  double value = -1;
  const char* const end = number.data() + number.size();
  const auto [stop, ec] = std::from_chars(number.data(), end, value, std::chars_format::fixed);
  if (ec != std::errc() || stop != end || !(value >= 0 && value <= 100)) {
    return gateway::Mistake{
        fmt::format("\"{}\" is no share; write one from 0% to 100%, such as 5%", text)};
  }
  return value / 100;
}

}  // namespace postern::tools
