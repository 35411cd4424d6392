// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"
#include "queue/tls_plan.h"

#include <algorithm>
#include <utility>

// RFC 7672: what the TLSA records of a host say.

namespace postern::queue {
namespace {

using Level = smtp::ClientProfile::Tls;
using Policy = TlsOutcome::Policy;

/// Section 2.2.2: where the records of the host may stand; the first name that has some counts. A
/// host whose aliases are proved to their end is called by the name at that end first; one whose
/// alias alone is proved, by its own.
std::vector<std::string> bases_of(const TlsQuestion& question) {
  const bool is_alias = !question.canonical.empty() && question.canonical != question.host;
  if (question.secure_host && is_alias) return {question.canonical, question.host};
  if (question.secure_host || question.secure_alias) return {question.host};
  return {};
}

/// As zone files have it; what RFC 8460 section 4.4 calls the policy's text.
std::string text_of(const TlsaRecord& record) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' +
                    std::to_string(record.matching) + ' ';
  for (const char c : record.data) {
    const auto octet = static_cast<unsigned char>(c);
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 0x0fU];
  }
  return out;
}

/// Mail to a next hop of the config's own is nobody's to be told about.
TlsPlan reported(TlsPlan plan,
                 const TlsQuestion& question,
                 Policy policy,
                 const std::vector<TlsaRecord>& records = {}) {
  if (question.domain.empty()) return plan;
  TlsOutcome outcome;
  outcome.policy = policy;
  outcome.domain = question.domain;
  outcome.mx_host = question.host;
  for (const TlsaRecord& record : records)
    outcome.source.push_back(text_of(record));
  outcome.failure = plan.failure;
  if (plan.refusal) outcome.detail = std::string(plan.refusal->text());
  plan.reported = std::make_shared<const TlsOutcome>(std::move(outcome));
  return plan;
}

TlsPlan without_records(const TlsQuestion& question, const std::string& why) {
  if (question.level == routing::TlsLevel::dane_only) {
    TlsPlan refused =
        plan_refusal(tls::Failure::dane_required, not_secure(question, "no DANE: " + why));
    return reported(std::move(refused), question, Policy::tlsa);
  }
  return reported(plan_opportunistic(question), question, Policy::none_found);
}

/// Section 2.1.2: a host whose records cannot be had is not used. Whoever stands between could
/// otherwise make them go away.
TlsPlan not_to_be_had(const TlsQuestion& question, dns::Status status) {
  const std::string why = "its TLSA records: " + std::string(dns::status_text(status));
  TlsPlan refused = plan_refusal(tls::Failure::dnssec_invalid, not_secure(question, why));
  return reported(std::move(refused), question, Policy::tlsa);
}

/// Section 3.2.2: with usage 2 the certificate is for the host as DNS has it, or for the domain.
void add_name(const std::string& name, std::vector<std::string>& names) {
  const bool known = std::find(names.begin(), names.end(), name) != names.end();
  if (!name.empty() && !known) names.push_back(name);
}

TlsPlan with_records(const TlsQuestion& question,
                     const std::string& base,
                     const std::vector<TlsaRecord>& records) {
  if (std::none_of(records.begin(), records.end(), tls::is_usable)) {
    // Section 2.2: then TLS must be, and nothing is verified.
    TlsPlan plan = question.level == routing::TlsLevel::dane_only
                       ? plan_refusal(tls::Failure::tlsa_invalid,
                                      not_secure(question, "none of its TLSA records can be used"))
                       : plan_with(question, Level::encrypt, std::nullopt);
    return reported(std::move(plan), question, Policy::tlsa, records);
  }
  tls::PeerCheck check;
  check.tlsa = records;
  const std::string domain = dns::query_name(question.domain).value_or(question.domain);
  for (const std::string& name : {base, question.host, domain})
    add_name(name, check.names);
  TlsPlan plan = plan_with(question, Level::encrypt, std::move(check));
  plan.sni = base;
  plan.secure = true;
  return reported(std::move(plan), question, Policy::tlsa, records);
}

}  // namespace

net::Awaitable<TlsPlan> plan_dane(TlsPlanners planners, TlsQuestion question) {
  // Section 2.2.1: names that DNSSEC has not validated have no records that count.
  const std::vector<std::string> bases = planners.resolver != nullptr && question.secure_mx
                                             ? bases_of(question)
                                             : std::vector<std::string>();
  for (const std::string& base : bases) {
    const dns::TlsaAnswer answer = co_await planners.resolver->tlsa(base, question.port);
    if (dns::is_transient(answer.status)) co_return not_to_be_had(question, answer.status);
    if (answer.secure && !answer.records.empty())
      co_return with_records(question, base, answer.records);
  }
  co_return without_records(question,
                            bases.empty() ? "DNSSEC does not validate the way to the host"
                                          : "the host has no TLSA records");
}

}  // namespace postern::queue
