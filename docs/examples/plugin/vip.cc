// SPDX-License-Identifier: Apache-2.0
// A stage of a site's own: mail for the board goes by a server of its own.
//
//   [[plugin]]
//   path = "/usr/local/lib/postern/vip.so"
//   options = { next_hop = "board", prefix = "board." }
#include <postern/plugin.h>
#include <stdexcept>

namespace {

using postern::plugin::Question;
using postern::plugin::Site;
using postern::plugin::Stage;
using postern::plugin::Stages;
using postern::plugin::Verdict;

class Vip final : public Stage {
 public:
  explicit Vip(const Site& site)
      : next_hop_(site.option("next_hop", "")), prefix_(site.option("prefix", "board.")) {
    if (!site.has_next_hop(next_hop_)) {
      throw std::runtime_error("option next_hop = \"" + next_hop_ + "\" is no next hop");
    }
  }

  Verdict judge(const Question& question) const override {
    if (question.our_domain.empty()) return Verdict::pass("not a domain of ours");
    if (!question.local.starts_with(prefix_)) return Verdict::pass("not for the board");
    return Verdict::route(next_hop_, question.recipient, "for the board: next hop " + next_hop_);
  }

 private:
  std::string next_hop_;
  std::string prefix_;
};

void add_stages(Stages& stages) {
  stages.add("vip", [](const Site& site) -> std::unique_ptr<Stage> {
    return std::make_unique<Vip>(site);
  });
}

}  // namespace

POSTERN_PLUGIN(add_stages);
