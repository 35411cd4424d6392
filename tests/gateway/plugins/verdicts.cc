// SPDX-License-Identifier: Apache-2.0
// Two stages: one says what the recipient's local part tells it to, one takes a built-in one's
// name.
#include <postern/plugin.h>
#include <stdexcept>

namespace {

using namespace postern::plugin;

std::string origins_of(const Question& question) {
  std::string out;
  for (const std::string_view name : question.origins)
    out += std::string(name) + " ";
  return out;
}

std::string seen(const Question& q) {
  return std::string(q.local) + "|" + std::string(q.domain) + "|" + std::string(q.came_as) + "|" +
         std::string(q.our_domain) + "|" + (q.under_alias ? "alias" : "main") + "|" +
         std::string(q.sender) + "|" + std::string(q.client) + "|" + origins_of(q) + "|" +
         std::string(q.listener) + "|" + (q.has_client ? "client " : "nobody ") +
         std::string(q.helo);
}

class Obedient final : public Stage {
 public:
  Verdict judge(const Question& q) const override {
    if (q.local == "bind") return Verdict::bind("bound");
    if (q.local == "rewrite") return Verdict::rewrite("other@company.ru", "rewritten");
    if (q.local == "rewrite.badly") return Verdict::rewrite("not an address", "rewritten");
    if (q.local == "route") return Verdict::route("vk", q.recipient, "routed");
    if (q.local == "route.nowhere") return Verdict::route("nowhere", q.recipient, "routed");
    if (q.local == "reject") return Verdict::reject("go\r\n250 a\x80way", "rejected", "5.1.1", 551);
    if (q.local == "reject.oddly") return Verdict::reject("no", "rejected", "4.x", 421);
    if (q.local == "defer") return Verdict::defer("later", "deferred");
    if (q.local == "discard") return Verdict::discard("discarded");
    if (q.local == "throw") throw std::runtime_error("thrown\nin two lines");
    if (q.local == "throw.int") throw 7;  // NOLINT: whatever a plug-in may do
    Verdict out = Verdict::pass(seen(q));
    out.is_told = q.local == "told";
    return out;
  }
};

class Nobody final : public Stage {
 public:
  Verdict judge(const Question& /*question*/) const override { return Verdict::discard("all"); }
};

void add_stages(Stages& stages) {
  stages.add("obedient", [](const Site& site) -> std::unique_ptr<Stage> {
    if (site.option("throw", "no") == "yes") throw std::runtime_error("throw is yes");
    if (site.option("null", "no") == "yes") return nullptr;
    return std::make_unique<Obedient>();
  });
  stages.add("lists", [](const Site& /*site*/) -> std::unique_ptr<Stage> {
    return std::make_unique<Nobody>();
  });
}

}  // namespace

POSTERN_PLUGIN(add_stages);
