// SPDX-License-Identifier: Apache-2.0
#include "routing/address_patterns.h"
#include "routing/policy/client.h"
#include "routing/policy/protocol.h"
#include "routing/stages/builtin.h"
#include "routing/watched_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace postern::routing::stages {
namespace {

constexpr std::chrono::seconds kBetweenNotices{60};

smtp::Reply cannot_be_asked() {
  return {
      451, {4, 3, 0},
       Text::literal("this recipient cannot be checked now; try again later")
  };
}

/// A line at once, then one a minute with how many there were.
class RareNotice {
 public:
  void tell(const Notice& notice, std::string_view line) {
    ++count_;
    const std::int64_t now = net::Clock::now().time_since_epoch().count();
    std::int64_t next = next_.load();
    const std::int64_t pause = net::Clock::duration(kBetweenNotices).count();
    if (now < next || !next_.compare_exchange_strong(next, now + pause)) return;
    const std::uint64_t times = count_.exchange(0);
    if (notice) notice(times == 1 ? std::string(line) : fmt::format("{} ({} times)", line, times));
  }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::int64_t> next_{net::Clock::time_point::min().time_since_epoch().count()};
};

/// One `[[policy]]`. Any thread.
class PolicyOf {
 public:
  PolicyOf(const PolicyConfig& policy, const Config& config, Notice notice)
      : policy_(policy),
        config_(config),
        notice_(std::move(notice)),
        server_(PolicyServer::parse(policy.server).value_or(PolicyServer())),
        label_(fmt::format("policy {} ({})", policy.name, policy.server)),
        recipients_(
            policy.recipients, config.recipients.case_sensitive, config.recipients.delimiter) {}

  /// Why it is not asked; empty: it is.
  Text not_asked(const Progress& progress) const {
    const Request& request = *progress.request;
    if (!request.session) return "no client waits: policy servers are not asked"_text;
    if (!recipients_.empty() && !recipients_.match(progress.recipient) &&
        !recipients_.match(request.recipient)) {
      return "not a recipient that a policy server is asked about"_text;
    }
    if (!policy_.trusted && is_trusted(progress)) {
      return "the client is trusted: policy servers are not asked"_text;
    }
    return Text();
  }

  net::Awaitable<Verdict> ask(const Progress& progress) const {
    PolicyCall call;
    call.server = server_;
    call.question = question_about(progress);
    call.timeout = policy_.timeout;
    call.connections = policy_.connections;
    const Result<std::string, std::string> said = co_await ask_policy_server(std::move(call));
    if (!said) co_return failure(said.error());
    Result<PolicyAnswer, std::string> answer = parse_policy_answer(*said);
    if (!answer) co_return failure(answer.error());
    co_return verdict_of(std::move(*answer));
  }

 private:
  bool is_trusted(const Progress& progress) const {
    const Request& request = *progress.request;
    return !progress.origins.empty() || !request.identity.empty() ||
           config_.allow_without_auth.contains(request.client) ||
           config_.gateways.intermediate_mx.contains(request.client);
  }

  static std::string question_about(const Progress& progress);

  Verdict failure(std::string_view why) const {
    const bool passes = policy_.on_failure == PolicyConfig::OnFailure::pass;
    std::string line =
        fmt::format("{}: {}; {}", label_, why, passes ? "passed (on_failure)" : "deferred");
    failures_.tell(notice_, line);
    if (passes) return Verdict{Pass{}, std::move(line), true};
    return defer(cannot_be_asked(), std::move(line));
  }

  Verdict verdict_of(PolicyAnswer answer) const;

  const PolicyConfig& policy_;
  const Config& config_;
  const Notice notice_;
  const PolicyServer server_;
  const std::string label_;
  const AddressPatterns recipients_;
  mutable RareNotice failures_;
  mutable std::atomic<bool> unsupported_told_{false};
};

std::string PolicyOf::question_about(const Progress& progress) {
  const Request& request = *progress.request;
  const SessionView& session = *request.session;
  const auto port = [](std::uint16_t p) { return p == 0 ? std::string() : std::to_string(p); };
  const bool utf8 = request.sender != nullptr && request.sender->parameters.smtputf8;
  PolicyQuestion out;
  out.add("request", "smtpd_access_policy").add("protocol_state", "RCPT");
  out.add("protocol_name", session.esmtp ? "ESMTP" : "SMTP").add("helo_name", session.helo);
  out.add("queue_id", "").add("sender", request.sender ? request.sender->path.text() : "");
  out.add("recipient", progress.recipient.text()).add("recipient_count", std::uint64_t{0});
  // No name is looked up for a client: "unknown" is what Postfix says of one that has none.
  out.add("client_address", request.client.to_string()).add("client_name", "unknown");
  out.add("reverse_client_name", "unknown").add("client_port", port(session.client_port));
  out.add("instance", fmt::format("{}.{}", session.id, session.transaction));
  out.add("sasl_method", "").add("sasl_username", request.identity).add("sasl_sender", "");
  out.add("size", request.size.value_or(0)).add("etrn_domain", "").add("stress", "");
  out.add("ccert_subject", "").add("ccert_issuer", "").add("ccert_fingerprint", "");
  out.add("encryption_protocol", session.tls_version);
  out.add("encryption_cipher", session.tls_cipher);
  out.add("encryption_keysize", static_cast<std::uint64_t>(std::max(session.tls_bits, 0)));
  out.add("server_address", session.server_port == 0 ? "" : session.server.to_string());
  out.add("server_port", port(session.server_port)).add("smtputf8", utf8 ? "yes" : "");
  return std::move(out).finish();
}

Verdict PolicyOf::verdict_of(PolicyAnswer answer) const {
  std::string reason = fmt::format("{}: {}", label_, answer.verb);
  if (!answer.text.empty()) reason += " " + answer.text;
  switch (answer.action) {
    case PolicyAction::none:
      return pass(std::move(reason));
    case PolicyAction::ok:
      return pass(reason + ": no opinion here");
    case PolicyAction::reject:
      return reject(std::move(answer.reply), std::move(reason));
    case PolicyAction::defer:
      return defer(std::move(answer.reply), std::move(reason));
    case PolicyAction::defer_if_permit:
      return {
          Pass{std::move(answer.reply), Pass::When::taken},
          std::move(reason)
      };
    case PolicyAction::defer_if_reject:
      return {
          Pass{std::move(answer.reply), Pass::When::refused},
          std::move(reason)
      };
    case PolicyAction::discard:
      return {Discard{}, std::move(reason)};
    case PolicyAction::told:
      return {Pass{}, std::move(reason), true};
    case PolicyAction::unsupported:
      break;
  }
  reason += ": not supported, no opinion";
  if (!unsupported_told_.exchange(true) && notice_) notice_(reason);
  return pass(std::move(reason));
}

/// Asks one policy server, or all that no stage of their own asks, in the config's order.
class Policy final : public Stage {
 public:
  Policy(std::string name, const StageSources& sources, const std::vector<std::size_t>& which)
      : name_(std::move(name)) {
    for (const std::size_t i : which) {
      policies_.push_back(std::make_unique<PolicyOf>(
          sources.config->policies.at(i), *sources.config, sources.notice));
    }
  }

  std::string_view name() const override { return name_; }
  bool is_idle() const override { return policies_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    Text why;
    for (const std::unique_ptr<PolicyOf>& policy : policies_) {
      why = policy->not_asked(progress);
      if (why.empty()) return ask(progress);
    }
    return pass(std::move(why));
  }

 private:
  net::Awaitable<Verdict> ask(const Progress& progress) const {
    Verdict first = pass(Text());
    for (const std::unique_ptr<PolicyOf>& policy : policies_) {
      if (!policy->not_asked(progress).empty()) continue;
      Verdict verdict = co_await policy->ask(progress);
      if (!add(first, std::move(verdict))) break;
    }
    co_return first;
  }

  /// Opinions in the order of asking; false: the matter is decided.
  static bool add(Verdict& all, Verdict next) {
    auto* now = std::get_if<Pass>(&all.what);
    auto* more = std::get_if<Pass>(&next.what);
    if (more == nullptr) {
      all = std::move(next);
      return false;
    }
    // A deferral of those who would be taken is as good as decided: it goes before the other kind.
    const bool has_deferral = now->deferral && now->when == Pass::When::taken;
    if (more->deferral && !has_deferral) *now = std::move(*more);
    all.is_told = all.is_told || next.is_told;
    all.reason = all.reason.empty() ? std::move(next.reason)
                                    : fmt::format("{}; {}", all.reason.view(), next.reason.view());
    return true;
  }

  std::string name_;
  std::vector<std::unique_ptr<PolicyOf>> policies_;
};

}  // namespace

std::unique_ptr<Stage> make_policy(const StageSources& sources) {
  const Config& config = *sources.config;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < config.policies.size(); ++i) {
    const std::string own = policy_stage_name(config.policies[i]);
    const std::vector<std::string>& stages = config.routing.stages;
    if (std::find(stages.begin(), stages.end(), own) == stages.end()) which.push_back(i);
  }
  return std::make_unique<Policy>("policy", sources, which);
}

std::unique_ptr<Stage> make_policy(const StageSources& sources, std::size_t index) {
  return std::make_unique<Policy>(
      policy_stage_name(sources.config->policies.at(index)), sources, std::vector{index});
}

std::string policy_stage_name(const PolicyConfig& policy) {
  return "policy:" + policy.name;
}

}  // namespace postern::routing::stages
