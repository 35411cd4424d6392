// SPDX-License-Identifier: Apache-2.0
#include "queue/tls_plan.h"

#include <algorithm>
#include <string_view>
#include <utility>

// RFC 8461: what the policy of a domain says of one of its MX hosts.

namespace postern::queue {
namespace {

using Level = smtp::ClientProfile::Tls;

/// Section 4.1: "*." stands for one label.
bool matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == pattern.substr(1);
}

}  // namespace

net::Awaitable<TlsPlan> plan_sts(TlsPlanners planners, TlsQuestion question) {
  if (planners.sts == nullptr || question.domain.empty()) {
    co_return plan_opportunistic(std::move(question));
  }
  const StsVerdict verdict = co_await planners.sts->policy(question.domain);
  if (!verdict.found || verdict.mode == StsVerdict::Mode::none) {
    co_return plan_opportunistic(std::move(question));
  }
  const bool enforced = verdict.mode == StsVerdict::Mode::enforce;
  const bool listed =
      std::any_of(verdict.mx.begin(), verdict.mx.end(), [&](const std::string& pattern) {
        return matches(pattern, question.host);
      });
  if (enforced && !listed) {
    co_return plan_refusal(
        tls::Failure::validation_failure,
        not_secure(question, "it is no MX of the MTA-STS policy of " + question.domain));
  }
  tls::PeerCheck check;
  check.chain = true;
  check.names.push_back(question.host);
  check.must = enforced;
  TlsPlan out = plan_with(question, enforced ? Level::encrypt : Level::may, std::move(check));
  out.secure = enforced;
  co_return out;
}

}  // namespace postern::queue
