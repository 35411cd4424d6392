// SPDX-License-Identifier: Apache-2.0
#include "tools/tls_report_line.h"

namespace postern::tools {

TlsReportLine::TlsReportLine(CLI::App& app, const std::string& default_config) {
  CLI::App* command = app.add_subcommand(
      "tls-report", "what the gateway that runs has counted for TLS reports (RFC 8460) on a day");
  options_.config = default_config;
  command
      ->add_option(
          "-c,--config", options_.config, "the gateway's config file; data_dir is taken from it")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_option("--day", options_.day, "a UTC day, \"2026-11-30\" (today)")->type_name("DAY");
  command->add_flag("--send", options_.send, "sends the reports now, and counts from zero again");
  command->footer(
      "Exit status: 0 told or sent, 1 refused, or some report could not be sent, 2 wrong command "
      "line or config, 69 postern is not running, 77 not this user's.");
}

}  // namespace postern::tools
