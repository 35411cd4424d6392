// SPDX-License-Identifier: Apache-2.0
#include "routing/explain.h"

#include "dns/cares_resolver.h"
#include "gateway/config.h"
#include "gateway/config_values.h"
#include "gateway/resolve_sources.h"
#include "gateway/show_dns.h"
#include "gateway/show_tls.h"
#include "gateway/snapshot.h"
#include "tools/commands.h"
#include "tools/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace postern::tools {
namespace {

using gateway::Config;
using gateway::ListenerConfig;
using gateway::Snapshot;

constexpr int kWrongUse = 2;
constexpr std::chrono::seconds kPatience{5};      ///< with DNS
constexpr std::chrono::seconds kTlsPatience{15};  ///< with DNS and a web server
constexpr std::chrono::milliseconds kNoPatience{500};

/// The question, in the form in which a session would ask it.
struct Question {
  const ListenerConfig* listener = nullptr;
  IpAddress client;
  smtp::Sender sender;
  std::vector<smtp::Mailbox> recipients;
};

Result<const ListenerConfig*, std::string> choose_listener(const Config& config,
                                                           const std::string& name) {
  std::vector<std::string> names;
  for (const ListenerConfig& listener : config.listeners)
    names.push_back(listener.name);
  if (names.empty()) return std::string("the config has no listener; write a [[listener]]");
  if (!name.empty()) {
    if (const ListenerConfig* found = config.find_listener(name)) return found;
    return fmt::format("--listener: there is no listener \"{}\"; write one of {}",
                       name,
                       gateway::quoted_list(names));
  }
  const auto mx = std::find_if(config.listeners.begin(), config.listeners.end(), [](const auto& l) {
    return l.role == routing::Role::mx;
  });
  if (mx != config.listeners.end()) return &*mx;
  return fmt::format("the config has no mx listener; write --listener with one of {}",
                     gateway::quoted_list(names));
}

std::string not_an_address(std::string_view option, const std::string& text, std::error_code why) {
  return fmt::format(
      "{}: \"{}\" is not an address ({}); write user@company.ru", option, text, why.message());
}

/// "<a@b>" and "a@b" are the same to whoever types it.
std::string without_brackets(std::string text) {
  if (text.size() >= 2 && text.starts_with('<') && text.ends_with('>')) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

Result<Question, std::string> make_question(const ExplainOptions& options, const Config& config) {
  Question out;
  const Result<const ListenerConfig*, std::string> listener =
      choose_listener(config, options.listener);
  if (!listener) return listener.error();
  out.listener = *listener;
  const std::optional<IpAddress> client = parse_ip(options.client);
  if (!client) {
    return fmt::format(
        "--client: \"{}\" is not an IP address; write one like 10.0.0.5 or 2001:db8::1",
        options.client);
  }
  out.client = *client;
  const std::string sender = without_brackets(options.sender);
  if (!sender.empty()) {
    const Result<smtp::Mailbox> mailbox = smtp::Mailbox::parse(sender);
    if (!mailbox) {
      return not_an_address("--from", options.sender, mailbox.error()) +
             ", or \"\" for the null sender";
    }
    out.sender.path = smtp::ReversePath(*mailbox);
  }
  if (options.size) out.sender.parameters.size = *options.size;
  for (const std::string& text : options.recipients) {
    const std::string bare = without_brackets(text);
    if (smtp::iequals(bare, "postmaster")) {  // RFC 5321 4.1.1.3: the one without a domain
      out.recipients.emplace_back(bare, "");
      continue;
    }
    const Result<smtp::Mailbox> mailbox = smtp::Mailbox::parse(bare);
    if (!mailbox) return not_an_address("--to", text, mailbox.error());
    out.recipients.push_back(*mailbox);
  }
  return out;
}

routing::Request request_for(const Question& question,
                             const ExplainOptions& options,
                             const smtp::Mailbox& recipient) {
  routing::Request request;
  request.client = question.client;
  request.listener = question.listener->name;
  request.role = question.listener->role;
  request.listener_from = question.listener->from;
  request.identity = options.identity;
  request.sender = &question.sender;
  request.recipient = recipient;
  request.size = options.size;
  request.session.emplace();  // as if a client waited: policy servers are asked too
  request.session->id = "explain";
  return request;
}

/// What DNS says of the hosts; nothing where the config has their addresses.
std::string dns_text(const gateway::DnsReport& report) {
  std::string out;
  for (const gateway::DnsFinding& finding : report.findings)
    out += fmt::format("{:<10} {}\n", out.empty() ? "dns" : "", finding.text());
  if (!report.complete)
    out += fmt::format("{:<10} not everything was answered in time\n", out.empty() ? "dns" : "");
  return out;
}

void add_dns(const gateway::DnsReport& report, nlohmann::ordered_json& out) {
  out["dns"] = nlohmann::ordered_json::array();
  for (const gateway::DnsFinding& finding : report.findings) {
    nlohmann::ordered_json line;
    line["type"] = finding.type;
    line["name"] = finding.name;
    line["status"] = finding.status;
    line["secure"] = finding.secure;
    line["records"] = finding.records;
    out["dns"].push_back(std::move(line));
  }
}

/// What the world says of the decision's next hops.
struct Surroundings {
  gateway::DnsReport dns;
  std::vector<gateway::TlsReport> tls;  ///< of the recipient's own way, and of each copy's
};

Surroundings look_around(const Config& config, const routing::Decision& decision) {
  Surroundings out;
  if (decision.kind != routing::DecisionKind::route) return out;
  net::IoContext context(1);
  dns::CaresResolver resolver(context.get_executor(), config.dns);
  out.dns = gateway::show_dns(decision.target, resolver, context, kPatience);
  gateway::StsSources sts;
  sts.folder = mta_sts::PolicyStore::folder_in(config.data_dir);
  sts.ca = config.mta_sts.ca;
  // Where DNS does not answer, nobody waits for it twice.
  const std::chrono::milliseconds wait = out.dns.complete ? kTlsPatience : kNoPatience;
  std::vector<const routing::Target*> targets{&decision.target};
  for (const routing::Copy& copy : decision.also)
    targets.push_back(&copy.target);
  for (auto at = targets.begin(); at != targets.end(); ++at) {
    const auto same = [at](const routing::Target* other) { return *other == **at; };
    if (std::any_of(targets.begin(), at, same)) continue;
    out.tls.push_back(gateway::show_tls(**at, sts, resolver, context, wait));
  }
  return out;
}

/// How much TLS a delivery demands of each host, and what says so.
std::string tls_text(const std::vector<gateway::TlsReport>& reports) {
  std::string out;
  const auto add = [&out](const std::string& line) {
    out += fmt::format("{:<10} {}\n", out.empty() ? "tls" : "", line);
  };
  for (const gateway::TlsReport& report : reports) {
    for (const gateway::TlsFinding& finding : report.findings)
      add(finding.text());
    if (!report.complete) add("not everything was answered in time");
  }
  return out;
}

void add_tls(const std::vector<gateway::TlsReport>& reports, nlohmann::ordered_json& out) {
  out["tls"] = nlohmann::ordered_json::array();
  for (const gateway::TlsReport& report : reports) {
    for (const gateway::TlsFinding& finding : report.findings) {
      nlohmann::ordered_json line;
      line["next_hop"] = finding.next_hop;
      line["host"] = finding.host;
      line["level"] = finding.level;
      line["from"] = finding.from;
      line["demand"] = finding.demand;
      line["verified_by"] = nullptr;
      if (!finding.by.empty()) line["verified_by"] = finding.by;
      line["why"] = finding.why;
      line["honours_tls_required_no"] = finding.yields;
      out["tls"].push_back(std::move(line));
    }
  }
}

std::string explained(const ExplainOptions& options,
                      const Config& config,
                      const routing::Request& request,
                      const routing::Decision& decision) {
  const Surroundings around = look_around(config, decision);
  if (!options.json) {
    return routing::explain_text(request, decision) + dns_text(around.dns) + tls_text(around.tls);
  }
  auto out = nlohmann::ordered_json::parse(routing::explain_json(request, decision));
  add_dns(around.dns, out);
  add_tls(around.tls, out);
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int run_explain(const ExplainOptions& options, std::ostream& out, std::ostream& err) {
  gateway::LoadResult loaded =
      gateway::load_config(options.config, gateway::Environment::from_process());
  if (!loaded.config) {
    print_findings(loaded.findings, err);
    return kWrongUse;
  }
  print_findings(gateway::resolve_sources(*loaded.config, {}), err);
  Snapshot::Options build;
  build.tls = false;
  // What a stage could not do is in its reason.
  build.notice = [](const std::string& /*line*/) {};
  const auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(build));
  if (!snapshot) {
    print_findings(snapshot.error(), err);
    return kWrongUse;
  }
  const Result<Question, std::string> question = make_question(options, (*snapshot)->config());
  if (!question) {
    err << "postern explain: " << question.error() << "\n";
    return kWrongUse;
  }
  bool first = true;
  for (const smtp::Mailbox& recipient : question->recipients) {
    const routing::Request request = request_for(*question, options, recipient);
    const routing::Decision decision = decide((*snapshot)->pipeline(), request);
    if (!options.json && !first) out << "\n";
    out << explained(options, (*snapshot)->config(), request, decision);
    first = false;
  }
  return 0;
}

}  // namespace postern::tools
