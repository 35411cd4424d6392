// SPDX-License-Identifier: Apache-2.0
#include "gateway/sts_policies.h"

#include <utility>

namespace postern::gateway {
namespace {

tls::Failure sts_failure(mta_sts::Verdict::Kind kind) {
  using Kind = mta_sts::Verdict::Kind;
  switch (kind) {
    case Kind::unreachable:
      return tls::Failure::sts_policy_fetch_error;
    case Kind::untrusted:
      return tls::Failure::sts_webpki_invalid;
    case Kind::invalid:
      return tls::Failure::sts_policy_invalid;
    case Kind::none:
    case Kind::found:
      break;
  }
  return tls::Failure::none;
}

queue::StsVerdict::Mode sts_mode(mta_sts::Mode mode) {
  using Mode = queue::StsVerdict::Mode;
  switch (mode) {
    case mta_sts::Mode::enforce:
      return Mode::enforce;
    case mta_sts::Mode::testing:
      return Mode::testing;
    case mta_sts::Mode::none:
      break;
  }
  return Mode::none;
}

}  // namespace

queue::StsVerdict sts_verdict(const mta_sts::Verdict& verdict) {
  queue::StsVerdict out;
  out.found = verdict.kind == mta_sts::Verdict::Kind::found;
  out.failure = sts_failure(verdict.kind);
  out.detail = verdict.detail;
  if (!out.found) return out;
  out.mode = sts_mode(verdict.policy.mode);
  out.mx = verdict.policy.mx;
  out.id = verdict.id;
  out.lines = mta_sts::lines_of(verdict.policy);
  return out;
}

net::Awaitable<queue::StsVerdict> StsDesk::policy(std::string domain) {
  const mta_sts::Verdict verdict = co_await service_.policy(std::move(domain));
  co_return sts_verdict(verdict);
}

}  // namespace postern::gateway
