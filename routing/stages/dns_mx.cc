// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_patterns.h"
#include "routing/own_identity.h"
#include "routing/stages/builtin.h"

namespace postern::routing::stages {
namespace {

/// R12: MX, then A and AAAA (RFC 5321 section 5). Delivery resolves the name; an address literal is
/// its own host, "[192.0.2.1]".
class DnsMx final : public Stage {
 public:
  explicit DnsMx(const Config& config) {
    for (const TlsPolicy& policy : config.tls_policies) {
      for (const std::string& pattern : policy.domains)
        policies_.add(pattern, &policy);
    }
  }

  std::string_view name() const override { return "dns_mx"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain != nullptr) return pass("a domain of ours is not looked up in DNS"_text);
    RouteTo route;
    route.target.mx_domain = smtp::ascii_lower(progress.recipient.domain());
    const TlsPolicy* const* const policy = policies_.find(route.target.mx_domain);
    const bool is_report = progress.request->identity == kTlsReportIdentity;
    if (policy != nullptr && !is_report) route.target.tls_policy = *policy;
    return Verdict{std::move(route), "another domain: its MX (R12)"_text};
  }

 private:
  DomainPatterns<const TlsPolicy*> policies_;
};

}  // namespace

std::unique_ptr<Stage> make_dns_mx(const StageSources& sources) {
  return std::make_unique<DnsMx>(*sources.config);
}

}  // namespace postern::routing::stages
