// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// R4: a recipient under an alias is a mailbox of V. Without independent aliases the alias is only
/// a spelling of the main domain, and goes its ways.
class TechAlias final : public Stage {
 public:
  explicit TechAlias(bool independent) : independent_(independent) {}

  std::string_view name() const override { return "tech_alias"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (!progress.under_alias) return pass("the domain is not an alias"_text);
    if (independent_) {
      return Verdict{Bind{},
                     "the domain is an alias, independent of the main domain's route (R4)"_text};
    }
    return Verdict{Rewrite{under_main_name(progress)},
                   fmt::format("an alias of {}, and routing.independent_aliases is off (R4)",
                               progress.domain->name)};
  }

 private:
  bool independent_;
};

}  // namespace

std::unique_ptr<Stage> make_tech_alias(const StageSources& sources) {
  return std::make_unique<TechAlias>(sources.config->routing.independent_aliases);
}

}  // namespace postern::routing::stages
