// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/verify_line.h"

#include "gateway/config_values.h"
#include "mailtools/verify/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <ostream>
#include <string>
#include <unistd.h>
#include <vector>

namespace postern::verify {
namespace {

constexpr int kWrongUse = 2;
constexpr std::chrono::hours kLongest{24};

/// What is wrong with the option; nullopt: `out` has its value.
std::optional<std::string> read_time(std::string_view option,
                                     const std::string& text,
                                     std::chrono::seconds& out) {
  const gateway::Parsed<std::chrono::milliseconds> value = gateway::parse_duration(text);
  if (!value) return fmt::format("{}: {}", option, value.error().text);
  if (*value > kLongest) return fmt::format("{} {} is too long; write at most 24h", option, text);
  out = std::chrono::ceil<std::chrono::seconds>(*value);
  return std::nullopt;
}

std::optional<std::string> read_only(const std::string& text, std::vector<std::string>& out) {
  const std::vector<std::string> names = row_names();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string one = text.substr(at, end - at);
    at = end + 1;
    if (one.empty()) continue;
    const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return is_chosen(name, {one});
    });
    if (!known) {
      const auto near = gateway::nearest(one, names);
      return fmt::format("--only: there is no \"{}\"; write {}",
                         one,
                         near ? '"' + *near + '"' : "one of " + gateway::quoted_list(names));
    }
    out.push_back(one);
  }
  return std::nullopt;
}

}  // namespace

VerifyLine::VerifyLine(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "does mail flow as the migration guide has it? letters and probes against the live systems");
  options_.config = "/etc/postern/postern.toml";
  command->add_option("-c,--config", options_.config, "the gateway's config file")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_option("--test", options_.test, "what to test with; verify.toml beside the config")
      ->type_name("FILE");
  command->add_option("--wait", wait_, "how long letters may take")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--settle", settle_, "how long copies too many are looked for afterwards")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option(
          "--only", only_, "these alone, with commas: S1,S3,probe-relay; probe: all probes")
      ->type_name("NAMES");
  command->add_flag("--no-letters", options_.no_letters, "probes alone, no letter is sent");
  command->add_flag("--keep", options_.keep, "leave the letters in the mailboxes");
  command->add_flag("--json", options_.json, "as JSON");
  command->add_flag("--example", example_, "print a file to test with, and end");
  command->footer(
      "Exit status: 0 nothing failed, 1 something has, 2 wrong command line, config or test's "
      "file, "
      "69 nothing could be reached, 130 interrupted while letters were waited for.");
}

int VerifyLine::run(std::ostream& out, std::ostream& err) const {
  if (example_) {
    out << example_plan();
    return 0;
  }
  VerifyOptions options = options_;
  for (const auto& wrong : {read_time("--wait", wait_, options.wait),
                            read_time("--settle", settle_, options.settle),
                            read_only(only_, options.only)}) {
    if (!wrong) continue;
    err << "postern verify: " << *wrong << "\n";
    return kWrongUse;
  }
  options.color = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  options.progress = !options.json && ::isatty(STDERR_FILENO) == 1;
  return run_verify(options, out, err);
}

}  // namespace postern::verify
