// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"
#include "queue/tls_plan.h"
#include "smtp/address.h"

#include <algorithm>
#include <string_view>
#include <utility>

// RFC 8461: what the policy of a domain says of one of its MX hosts.

namespace postern::queue {
namespace {

using Level = smtp::ClientProfile::Tls;
using Policy = TlsOutcome::Policy;

/// Section 4.1: "*." stands for one label.
bool matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == pattern.substr(1);
}

bool lists(const StsVerdict& verdict, const std::string& host) {
  const std::string name = dns::query_name(host).value_or(smtp::ascii_lower(host));
  return std::any_of(verdict.mx.begin(), verdict.mx.end(), [&name](const std::string& pattern) {
    return matches(pattern, name);
  });
}

/// With what RFC 8460 tells of it. `failure`: what is wrong already, whatever the host does.
TlsPlan with_report(TlsPlan plan,
                    const TlsQuestion& question,
                    const StsVerdict& verdict,
                    tls::Failure failure,
                    std::string detail) {
  const bool known = verdict.found || verdict.failure != tls::Failure::none;
  TlsOutcome outcome;
  outcome.policy = known ? Policy::sts : Policy::none_found;
  outcome.source = verdict.lines;
  outcome.mx_patterns = verdict.mx;
  outcome.domain = question.domain;
  outcome.mx_host = question.host;
  outcome.failure = failure;
  outcome.detail = std::move(detail);
  plan.reported = std::make_shared<const TlsOutcome>(std::move(outcome));
  return plan;
}

}  // namespace

net::Awaitable<TlsPlan> plan_sts(TlsPlanners planners, TlsQuestion question) {
  if (planners.sts == nullptr || question.domain.empty()) {
    co_return plan_opportunistic(std::move(question));
  }
  const StsVerdict verdict = co_await planners.sts->policy(question.domain);
  if (!verdict.found || verdict.mode == StsVerdict::Mode::none) {
    co_return with_report(
        plan_opportunistic(question), question, verdict, verdict.failure, verdict.detail);
  }
  const bool enforced = verdict.mode == StsVerdict::Mode::enforce;
  const bool listed = lists(verdict, question.host);
  const std::string unlisted = "it is no MX of the MTA-STS policy of " + question.domain;
  const tls::Failure failure = listed ? tls::Failure::none : tls::Failure::validation_failure;
  if (enforced && !listed) {
    TlsPlan refused = plan_refusal(failure, not_secure(question, unlisted));
    co_return with_report(std::move(refused), question, verdict, failure, unlisted);
  }
  if (!enforced && question.require_tls) {
    // RFC 8689 section 4.2.1: the message demands more than the policy, where the MX is proved.
    TlsPlan demanded = plan_opportunistic(question);
    if (demanded.secure) {
      co_return with_report(
          std::move(demanded), question, verdict, failure, listed ? std::string() : unlisted);
    }
  }
  tls::PeerCheck check;
  check.chain = true;
  check.names.push_back(question.host);
  check.must = enforced;
  TlsPlan out = plan_with(question, enforced ? Level::encrypt : Level::may, std::move(check));
  out.secure = enforced;
  co_return with_report(
      std::move(out), question, verdict, failure, listed ? std::string() : unlisted);
}

}  // namespace postern::queue
