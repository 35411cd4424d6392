// SPDX-License-Identifier: Apache-2.0
// Plug-ins that must be refused, each for the reason that its definition names.
#include <postern/plugin.h>
#include <stdexcept>

namespace {

using namespace postern::plugin;

class Quiet final : public Stage {
 public:
  Verdict judge(const Question& /*question*/) const override { return Verdict::pass("quiet"); }
};

[[maybe_unused]] void add_stages([[maybe_unused]] Stages& stages) {
  const Maker maker = [](const Site& /*site*/) -> std::unique_ptr<Stage> {
    return std::make_unique<Quiet>();
  };
#if defined(ODD_throws_at_load)
  throw std::runtime_error("not on a\nMonday");
#elif defined(ODD_bad_name)
  stages.add("two words", maker);
#elif !defined(ODD_no_stage)
  stages.add("quiet", maker);
#endif
  (void)maker;
}

}  // namespace

#if defined(ODD_no_symbol)
extern "C" __attribute__((visibility("default"))) const int something_else;
extern "C" const int something_else = 1;
#elif defined(ODD_other_version) || defined(ODD_other_toolchain) || defined(ODD_other_header)
extern "C" __attribute__((visibility("default"))) const Descriptor postern_plugin;
extern "C" const Descriptor postern_plugin = {Descriptor::kMagic,
#if defined(ODD_other_version)
                                              kAbi + 1,
#else
                                              kAbi,
#endif
#if defined(ODD_other_toolchain)
                                              "cfront 3",
#else
                                              kToolchain,
#endif
                                              static_cast<std::uint32_t>(sizeof(Question)) + 8,
                                              static_cast<std::uint32_t>(sizeof(Verdict)),
                                              add_stages};
#else
POSTERN_PLUGIN(add_stages);
#endif
