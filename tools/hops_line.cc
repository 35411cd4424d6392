// SPDX-License-Identifier: Apache-2.0
#include "tools/hops_line.h"

namespace postern::tools {

HopsLine::HopsLine(CLI::App& app, const std::string& default_config) {
  CLI::App* hops = app.add_subcommand(
      "hops",
      "the next hops of the gateway that runs: which hosts answer, and what waits for them");
  options_.config = default_config;
  hops->add_option(
          "-c,--config", options_.config, "the gateway's config file; data_dir is taken from it")
      ->type_name("FILE")
      ->capture_default_str();
  hops->add_option("name", options_.name, "one next hop alone")->type_name("NAME");
  hops->add_flag("--json", options_.json, "as JSON, one object a next hop");
  hops->footer(
      "Exit status: 0 told, 1 there is no such next hop, 2 wrong command line or config, 69 "
      "postern "
      "is not running, 77 not this user's.");
}

}  // namespace postern::tools
