// SPDX-License-Identifier: Apache-2.0
#include "gateway/show_tls.h"

#include "base/endpoint_text.h"
#include "dns/name.h"
#include "dns/targets.h"
#include "gateway/sts_policies.h"
#include "mta_sts/https_client.h"
#include "queue/tls_plan.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <memory>
#include <random>
#include <set>

namespace postern::gateway {
namespace {

using routing::TlsLevel;
using Level = smtp::ClientProfile::Tls;

constexpr std::size_t kMostTlsHosts = 20;  // as many as a delivery tries
constexpr std::uint16_t kMxPort = 25;
/// For a person who waits; a delivery has more patience.
constexpr std::chrono::seconds kWebTime{5};

std::string span_text(std::chrono::seconds span) {
  const auto seconds = span.count();
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

/// Policies as a delivery of the running gateway gets them; remembers what it has said of each.
class StsWindow final : public queue::StsPolicies {
 public:
  StsWindow(StsSources sources, dns::Resolver& resolver)
      : sources_(std::move(sources)),
        store_(sources_.folder),
        resolver_(resolver),
        https_(options_of(sources_)) {}

  net::Awaitable<queue::StsVerdict> policy(std::string domain) override {
    const mta_sts::WallTime now = sources_.now();
    const std::optional<mta_sts::StoredPolicy> kept = store_.find(domain, now);
    if (kept) co_return told(domain, *kept, "");
    // Not what the gateway goes by, perhaps: it may read what we may not.
    const std::error_code trouble = store_.trouble(domain);
    const std::string unread = trouble
                                   ? fmt::format("; what the gateway keeps cannot be read: {}: {}",
                                                 sources_.folder,
                                                 trouble.message())
                                   : std::string();
    const std::string name = dns::query_name(domain).value_or(domain);
    const mta_sts::FetchTools tools{&resolver_, &https_, sources_.port, sources_.now};
    const mta_sts::Looked looked = co_await mta_sts::look(name, std::nullopt, tools);
    if (looked.outcome == mta_sts::Looked::Outcome::fetched) {
      co_return told(domain, looked.stored, "; asked for just now" + unread);
    }
    said_[domain] = looked.otherwise.detail.empty()
                        ? "no MTA-STS policy"
                        : "no MTA-STS policy: " + looked.otherwise.detail;
    said_[domain] += unread;
    co_return sts_verdict(looked.otherwise);
  }

  std::string said(const std::string& domain) const {
    const auto at = said_.find(domain);
    return at == said_.end() ? std::string() : at->second;
  }

 private:
  static mta_sts::HttpsClient::Options options_of(const StsSources& sources) {
    mta_sts::HttpsClient::Options out;
    out.ca = sources.ca;
    out.limit = kWebTime;
    out.connect = kWebTime;
    out.threads = 1;
    return out;
  }
  queue::StsVerdict told(const std::string& domain,
                         const mta_sts::StoredPolicy& stored,
                         const std::string& more) {
    said_[domain] = sts_text(domain, stored, sources_.now()) + more;
    return sts_verdict({mta_sts::Verdict::Kind::found, stored.policy, stored.id, {}});
  }

  StsSources sources_;
  mta_sts::PolicyStore store_;
  dns::Resolver& resolver_;
  mta_sts::HttpsClient https_;
  std::map<std::string, std::string> said_;
};

/// The hosts of the target, each with the level that the config has for it.
struct Ruled {
  const routing::NextHop* hop = nullptr;  ///< null: the MX of a domain
  routing::HostSpec host;
  TlsLevel level = TlsLevel::may;
  routing::TlsSettings settings;
  std::string from;
};

std::vector<Ruled> ruled(const routing::Target& target) {
  std::vector<Ruled> out;
  for (const routing::NextHop* hop : target.hops) {
    for (const routing::HostSpec& host : hop->hosts)
      out.push_back({hop, host, hop->tls, hop->tls_settings, "next_hop " + hop->name});
  }
  if (!target.hops.empty()) return out;
  Ruled mx;
  mx.host.host = target.mx_domain;
  mx.host.port = kMxPort;
  mx.host.mx = true;
  mx.from = "the default";
  if (const routing::TlsPolicy* const policy = target.tls_policy) {
    mx.level = policy->tls;
    mx.settings = policy->settings;
    mx.from = fmt::format("tls_policy {}", fmt::join(policy->domains, ", "));
  }
  out.push_back(std::move(mx));
  return out;
}

/// Shared with the questions under way, which may outlive the wait.
struct Looking {
  Looking(const StsSources& sources, dns::Resolver& asking)
      : sts(sources, asking), resolver(asking) {}
  StsWindow sts;
  dns::Resolver& resolver;
  std::string target;
  std::vector<Ruled> all;
  TlsReport report;
  std::mt19937 random{std::random_device()()};
  bool done = false;
};
using LookingPtr = std::shared_ptr<Looking>;

std::string demand_of(const queue::TlsPlan& plan, bool has_login) {
  if (plan.refusal) return "refused";
  if (plan.check && plan.check->must) return "verify";
  if (plan.level == Level::encrypt || (has_login && plan.level == Level::may)) return "encrypt";
  return plan.level == Level::none ? "none" : "may";
}

std::string dane_text(const queue::TlsPlan& plan, const Ruled& rule) {
  if (plan.check && !plan.check->tlsa.empty()) {
    return fmt::format(
        "DANE: {} TLSA record{}", plan.check->tlsa.size(), plan.check->tlsa.size() == 1 ? "" : "s");
  }
  if (plan.refusal || rule.level == TlsLevel::dane_only) return "";
  return plan.level == Level::encrypt ? "DANE: TLSA records, none that can be used"
                                      : "DANE: no TLSA record that DNSSEC proves";
}

/// What the config says, whatever the host turns out to be.
TlsFinding rule_of(const Looking& looking, const Ruled& rule) {
  TlsFinding out;
  const bool has_login = rule.hop != nullptr && !rule.hop->login.user.empty();
  out.next_hop = rule.hop != nullptr ? rule.hop->name : looking.target;
  out.level = routing::tls_level_name(rule.level);
  out.from = rule.from;
  out.yields = !has_login && routing::yields_to_sender(rule.level, rule.settings);
  return out;
}

TlsFinding tls_finding(const Looking& looking,
                       const Ruled& rule,
                       const queue::TlsQuestion& question,
                       const queue::TlsPlan& plan) {
  TlsFinding out = rule_of(looking, rule);
  const bool has_login = rule.hop != nullptr && !rule.hop->login.user.empty();
  out.host = host_port(question.host, question.port);
  out.demand = demand_of(plan, has_login);
  std::vector<std::string> why;
  if (out.demand == "verify") {
    const tls::PeerCheck& check = *plan.check;
    out.by = !check.tlsa.empty() ? "dane" : check.chain ? "chain" : "pin";
  }
  if (rule.level == TlsLevel::dane || rule.level == TlsLevel::dane_only)
    why.push_back(dane_text(plan, rule));
  if (rule.level == TlsLevel::sts) why.push_back(looking.sts.said(question.domain));
  if (plan.refusal) why.emplace_back(plan.refusal->text());
  if (has_login && plan.level == Level::may && !plan.refusal)
    why.emplace_back("a password is sent");
  std::erase(why, "");
  out.why = fmt::format("{}", fmt::join(why, "; "));
  return out;
}

net::Awaitable<dns::Targets> given(dns::Targets targets) {
  co_return targets;
}

net::Awaitable<dns::Targets> known_hosts_of(LookingPtr looking, const routing::HostSpec& host) {
  const std::optional<IpAddress> literal = parse_ip(host.host);
  if (!literal || host.mx) {
    return host.mx ? dns::mail_targets(looking->resolver, host.host, host.port, looking->random)
                   : dns::host_targets(looking->resolver, host.host, host.port);
  }
  dns::Targets targets;
  const net::Endpoint endpoint(*literal, host.port);
  targets.targets.push_back(dns::Target{host.host, endpoint, true, false});
  return given(std::move(targets));
}

net::Awaitable<void> look_at_host(LookingPtr looking, Ruled rule) {
  const dns::Targets targets = co_await known_hosts_of(looking, rule.host);
  if (targets.targets.empty()) {
    TlsFinding nowhere = rule_of(*looking, rule);
    nowhere.host = rule.host.str();
    nowhere.demand = "unknown";
    nowhere.why = targets.detail;
    looking->report.findings.push_back(std::move(nowhere));
  }
  std::set<std::string> seen;
  for (const dns::Target& target : targets.targets) {
    if (!seen.insert(target.host).second || looking->report.findings.size() == kMostTlsHosts)
      continue;
    queue::TlsQuestion question = queue::question_about(rule.host, target);
    question.level = rule.level;
    question.settings = rule.settings;
    const queue::TlsPlanners planners{&looking->resolver, &looking->sts};
    const queue::TlsPlan plan = co_await queue::plan_tls(planners, question);
    looking->report.findings.push_back(tls_finding(*looking, rule, question, plan));
  }
}

net::Awaitable<void> look_at_all(LookingPtr looking) {
  for (const Ruled& rule : looking->all)
    co_await look_at_host(looking, rule);
  looking->done = true;
}

std::string demand_text(const TlsFinding& finding) {
  if (finding.demand == "none") return "in plain";
  if (finding.demand == "may") return "TLS where it is offered, else in plain; not verified";
  if (finding.demand == "encrypt") return "TLS, not verified";
  if (finding.demand == "refused") return "no delivery";
  if (finding.demand == "unknown") return "there is no host to ask";
  return "TLS, verified by " + finding.by;
}

}  // namespace

std::string TlsFinding::text() const {
  return fmt::format("{}: {} ({} of {}{}{})",
                     host,
                     demand_text(*this),
                     level,
                     from,
                     why.empty() ? "" : "; " + why,
                     yields ? "; TLS-Required: No is honoured" : "");
}

std::string sts_text(const std::string& domain,
                     const mta_sts::StoredPolicy& policy,
                     mta_sts::WallTime now) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const seconds age = std::max(seconds(0), duration_cast<seconds>(now - policy.fetched));
  return fmt::format("MTA-STS policy {} of {}: {}, fetched {} ago, for {} more",
                     policy.id,
                     domain,
                     mta_sts::name_of(policy.policy.mode),
                     span_text(age),
                     span_text(duration_cast<seconds>(policy.ends() - now)));
}

TlsReport show_tls(const routing::Target& target,
                   const StsSources& sts,
                   dns::Resolver& resolver,
                   net::IoContext& context,
                   std::chrono::milliseconds wait) {
  const auto looking = std::make_shared<Looking>(sts, resolver);
  looking->target = target.name();
  looking->all = ruled(target);
  boost::asio::co_spawn(context, look_at_all(looking), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.restart();
  const net::TimePoint end = net::Clock::now() + wait;
  while (!looking->done && context.run_one_until(end) != 0) {
  }
  looking->report.complete = looking->done;
  return looking->report;
}

}  // namespace postern::gateway
