// SPDX-License-Identifier: Apache-2.0
#include "queue/tls_plan.h"

#include <algorithm>
#include <utility>

// RFC 7672: what the TLSA records of a host say.

namespace postern::queue {
namespace {

using Level = smtp::ClientProfile::Tls;

TlsPlan without_records(TlsQuestion question, const std::string& why) {
  if (question.level == routing::TlsLevel::dane_only) {
    return plan_refusal(tls::Failure::dane_required, not_secure(question, "no DANE: " + why));
  }
  return plan_opportunistic(std::move(question));
}

}  // namespace

net::Awaitable<TlsPlan> plan_dane(TlsPlanners planners, TlsQuestion question) {
  // Section 2.2.1: names that DNSSEC has not validated have no records that count.
  if (planners.resolver == nullptr || !question.secure_mx || !question.secure_host) {
    co_return without_records(std::move(question), "DNSSEC does not validate the way to the host");
  }
  const dns::TlsaAnswer answer = co_await planners.resolver->tlsa(question.host, question.port);
  if (dns::is_transient(answer.status)) {
    // Section 2.1.2: a host whose records cannot be had is not used.
    co_return plan_refusal(
        tls::Failure::dnssec_invalid,
        not_secure(question, "its TLSA records: " + std::string(dns::status_text(answer.status))));
  }
  if (answer.status != dns::Status::ok || !answer.secure || answer.records.empty()) {
    co_return without_records(std::move(question), "the host has no TLSA records");
  }
  if (std::none_of(answer.records.begin(), answer.records.end(), tls::is_usable)) {
    if (question.level == routing::TlsLevel::dane_only) {
      co_return plan_refusal(tls::Failure::tlsa_invalid,
                             not_secure(question, "none of its TLSA records can be used"));
    }
    // Section 2.2: then TLS must be, and nothing is verified.
    co_return plan_with(question, Level::encrypt, std::nullopt);
  }
  tls::PeerCheck check;
  check.tlsa = answer.records;
  check.names.push_back(question.host);
  if (!question.domain.empty()) check.names.push_back(question.domain);
  TlsPlan out = plan_with(question, Level::encrypt, std::move(check));
  out.sni = question.host;
  out.secure = true;
  co_return out;
}

}  // namespace postern::queue
