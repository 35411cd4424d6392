// SPDX-License-Identifier: Apache-2.0
// A plug-in of which there are several versions: each says which one it is.
#include <postern/plugin.h>

namespace {

using namespace postern::plugin;

class Version final : public Stage {
 public:
  Verdict judge(const Question& /*question*/) const override {
    return Verdict::reject("version " VERSION, "version " VERSION);
  }
};

void add_stages(Stages& stages) {
  stages.add("version", [](const Site& /*site*/) -> std::unique_ptr<Stage> {
    return std::make_unique<Version>();
  });
}

}  // namespace

POSTERN_PLUGIN(add_stages);
