// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// R13. At RCPT there is no header yet: the stage says what will be judged, and its presence in the
/// list turns Pipeline::check_message on.
class LoopGuard final : public Stage {
 public:
  explicit LoopGuard(const RoutingConfig& config)
      : reason_(
            fmt::format("judged when the header is there: at most {} Received fields, {} passes "
                        "(R13)",
                        config.max_hops,
                        config.max_own_passes)) {}

  std::string_view name() const override { return "loop_guard"; }
  Answer evaluate(const Progress&) const override { return pass(Text::literal(reason_)); }

 private:
  std::string reason_;
};

}  // namespace

std::unique_ptr<Stage> make_loop_guard(const StageSources& sources) {
  return std::make_unique<LoopGuard>(sources.config->routing);
}

}  // namespace postern::routing::stages
