// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// R11: mail for other domains goes to the gateways for the outside (a DLP, or X), in place of DNS.
class ExternalGateway final : public Stage {
 public:
  explicit ExternalGateway(const Config& config)
      : gateways_(resolve(config, config.gateways.external)),
        reason_(fmt::format("another domain: gateways.external ({})", names_of(gateways_))) {}

  std::string_view name() const override { return "external_gateway"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain != nullptr) return pass("a domain of ours"_text);
    if (gateways_.empty()) return pass("gateways.external is not set"_text);
    RouteTo route;
    route.target.hops = gateways_;
    return Verdict{std::move(route), Text::literal(reason_)};
  }

 private:
  Hops gateways_;
  std::string reason_;
};

}  // namespace

std::unique_ptr<Stage> make_external_gateway(const StageSources& sources) {
  return std::make_unique<ExternalGateway>(*sources.config);
}

}  // namespace postern::routing::stages
