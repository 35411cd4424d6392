// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/verify_run.h"

#include "gateway/proof/prove.h"
#include "gateway/trace_key.h"
#include "mailtools/verify/letters.h"
#include "mailtools/verify/mx.h"
#include "mailtools/verify/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <iterator>
#include <ostream>
#include <utility>

namespace postern::verify {
namespace {

constexpr int kWrongConfig = 2;

/// Where the config names no trace key, the running gateway's; it stays empty where that cannot be
/// read.
void take_trace_key(gateway::Config& config) {
  std::string& key = config.routing.routing.trace_key;
  if (!key.empty()) return;
  if (const auto made = gateway::load_trace_key(config.data_dir)) key = *made;
}

/// S9 without a letter: what `postern check` says of the config.
Row prove_no_loop(const gateway::Config& config) {
  Row row;
  row.name = "S9";
  row.title = "X and V are not set to send a domain in a circle";
  row.sent = config.file;
  row.expected = "postern check finds no error in the flow";
  row.verdict = Verdict::passed;
  const gateway::proof::Proof proof = gateway::proof::prove(config);
  for (const gateway::Finding& finding : proof.findings) {
    if (finding.severity != gateway::Severity::error) continue;
    fail(row, "g-loop", format_text(finding));
  }
  row.found = fmt::format("{} letters followed, {} errors", proof.letters, row.troubles.size());
  return row;
}

Row without_outage() {
  Row row;
  row.name = "S10";
  row.title = "X or V down: queued, retried, delivered once";
  row.why =
      "it needs an outage, which nobody makes on live systems: at a quiet time stop SMTP at one of "
      "them, send a letter, see it wait (postern queue list, postern hops), start it again, and "
      "count the copies";
  return row;
}

/// A probe by its name.
struct NamedProbe {
  std::string_view name;
  std::function<Row(Probes&)> run;
};

const std::vector<NamedProbe>& probe_table() {
  static const std::vector<NamedProbe> table = {
      {"probe-relay",         [](Probes& p) { return p.relay(); }                        },
      {"probe-unknown",       [](Probes& p) { return p.unknown(); }                      },
      {"probe-group",         [](Probes& p) { return p.group(); }                        },
      {"probe-alias",         [](Probes& p) { return p.alias(); }                        },
      {"probe-size-x",        [](Probes& p) { return p.size(Side::old_server); }         },
      {"probe-size-v",        [](Probes& p) { return p.size(Side::new_platform); }       },
      {"probe-extensions-x",  [](Probes& p) { return p.extensions(Side::old_server); }   },
      {"probe-extensions-v",  [](Probes& p) { return p.extensions(Side::new_platform); } },
      {"probe-connections-x", [](Probes& p) { return p.connections(Side::old_server); }  },
      {"probe-connections-v", [](Probes& p) { return p.connections(Side::new_platform); }},
      {"probe-tls-x",         [](Probes& p) { return p.tls(Side::old_server); }          },
      {"probe-tls-v",         [](Probes& p) { return p.tls(Side::new_platform); }        },
  };
  return table;
}

constexpr std::array<std::string_view, 16> kScenarioRows = {"S1",
                                                            "S2",
                                                            "S3",
                                                            "S4",
                                                            "S5",
                                                            "S6",
                                                            "S7",
                                                            "S7b",
                                                            "S8",
                                                            "S9",
                                                            "S9-unknown",
                                                            "S9-passes",
                                                            "S9-hops",
                                                            "S10",
                                                            "R4",
                                                            "R5"};
constexpr std::array<std::string_view, 2> kMxRows = {"probe-mx-alias", "probe-mx-domain"};

/// The scenarios by their numbers, then the probes.
void sort_rows(std::vector<Row>& rows) {
  const std::vector<std::string> order = row_names();
  const auto rank = [&order](const Row& row) {
    return std::find(order.begin(), order.end(), row.name) - order.begin();
  };
  std::stable_sort(
      rows.begin(), rows.end(), [&rank](const Row& a, const Row& b) { return rank(a) < rank(b); });
}

/// What the table's letters stand for.
void print_legend(const Plan& plan, std::ostream& out) {
  out << fmt::format("X: {} {}, V: {} {}, G: {}, E: elsewhere; D: {}, T: {}\n",
                     plan.old_hop->name,
                     plan.old_smtp.str(),
                     plan.new_hop->name,
                     plan.new_smtp.str(),
                     plan.gateway_mx.host.empty() ? plan.gateway_name : plan.gateway_mx.str(),
                     plan.domain,
                     plan.alias.empty() ? "none" : plan.alias);
}

/// Did anything answer that was talked to?
struct Reach {
  bool tried = false;
  bool reached = false;
};

bool counts_connections(std::string_view probe) {
  return probe.starts_with("probe-connections");
}

/// Those that count connections, or all the others.
void ask_servers(const Plan& plan,
                 const gateway::Config& config,
                 const VerifyOptions& options,
                 bool connections,
                 std::vector<Row>& rows,
                 Reach& reach) {
  Probes probes(plan, config);
  for (const NamedProbe& probe : probe_table()) {
    if (!is_chosen(probe.name, options.only) || counts_connections(probe.name) != connections)
      continue;
    rows.push_back(probe.run(probes));
    reach.tried = reach.tried || rows.back().verdict != Verdict::not_tested;
  }
  reach.reached = reach.reached || probes.reached();
}

void ask_dns(const Plan& plan,
             const gateway::Config& config,
             const VerifyOptions& options,
             std::vector<Row>& rows) {
  const bool mx =
      is_chosen("probe-mx-alias", options.only) || is_chosen("probe-mx-domain", options.only);
  if (!mx) return;
  for (Row& row : probe_mx(plan, config)) {
    if (is_chosen(row.name, options.only)) rows.push_back(std::move(row));
  }
}

void print_findings(const std::vector<gateway::Finding>& findings, std::ostream& err) {
  for (const gateway::Finding& finding : findings) {
    if (finding.severity == gateway::Severity::error) err << format_text(finding) << "\n";
  }
}

std::string test_file(const VerifyOptions& options) {
  if (!options.test.empty()) return options.test;
  return (std::filesystem::path(options.config).parent_path() / "verify.toml").string();
}

}  // namespace

bool is_chosen(std::string_view name, const std::vector<std::string>& only) {
  return only.empty() || std::any_of(only.begin(), only.end(), [name](const std::string& one) {
           return name == one ||
                  (name.starts_with(one) && name.substr(one.size()).starts_with('-'));
         });
}

std::vector<std::string> row_names() {
  std::vector<std::string> out(kScenarioRows.begin(), kScenarioRows.end());
  for (const NamedProbe& probe : probe_table())
    out.emplace_back(probe.name);
  out.insert(out.end(), kMxRows.begin(), kMxRows.end());
  return out;
}

int run_verify(const VerifyOptions& options, std::ostream& out, std::ostream& err) {
  gateway::LoadResult loaded =
      gateway::load_config(options.config, gateway::Environment::from_process());
  if (!loaded.config) {
    print_findings(loaded.findings, err);
    return kWrongConfig;
  }
  take_trace_key(*loaded.config);
  const PlanResult test = load_plan(test_file(options), *loaded.config);
  if (!test.plan) {
    print_findings(test.findings, err);
    return kWrongConfig;
  }
  std::vector<Row> rows;
  Reach reach;
  std::string run;
  bool interrupted = false;
  // Before the letters, whose way makes the gateway open connections of its own.
  ask_servers(*test.plan, *loaded.config, options, true, rows, reach);
  if (!options.no_letters) {
    Letters letters(*test.plan, *loaded.config, options);
    for (Row& row : letters.run(err))
      rows.push_back(std::move(row));
    reach = {reach.tried || letters.tried(), reach.reached || letters.reached()};
    interrupted = letters.interrupted();
    if (letters.sent_any()) run = letters.run_token();
    for (const std::string& left : letters.left_over())
      err << "postern verify: letters may be left in a mailbox: " << left << "\n";
  }
  if (is_chosen("S9", options.only)) rows.push_back(prove_no_loop(*loaded.config));
  if (is_chosen("S10", options.only)) rows.push_back(without_outage());
  if (!interrupted) {
    ask_servers(*test.plan, *loaded.config, options, false, rows, reach);
    ask_dns(*test.plan, *loaded.config, options, rows);
  }
  if (rows.empty()) {
    err << "postern verify: --only names letters, and --no-letters leaves them out; write one of "
           "the two\n";
    return kWrongConfig;
  }
  sort_rows(rows);
  if (options.json) {
    out << report_json(rows, run);
  } else {
    print_legend(*test.plan, out);
    print_report(rows, run, options.color, out);
  }
  if (interrupted) return kInterrupted;
  return reach.tried && !reach.reached ? kNothingReached : status_of(rows);
}

}  // namespace postern::verify
