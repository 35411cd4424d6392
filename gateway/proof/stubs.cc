// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/stubs.h"

#include "routing/directory.h"
#include "routing/replies.h"

#include <algorithm>

namespace postern::gateway::proof {
namespace {

using routing::Answer;
using routing::Progress;
using routing::Verdict;

class StubDirectory final : public routing::Directory {
 public:
  StubDirectory(const routing::Config& config, routing::Presence presence)
      : config_(config), domains_(config.domains), presence_(presence) {}

  bool is_immediate() const override { return true; }
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override {
    const routing::DomainIndex::Found* found = domains_.find(mailbox.domain());
    const bool own = found != nullptr && !found->domain->directory.empty();
    // A domain that no directory is named for has everybody.
    if (!own && config_.recipients.directory.empty()) {
      return {routing::Presence::known, "no directory is configured: everyone is known"};
    }
    return {presence_, "assumed by the proof"};
  }
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override {
    co_return look_up_now(mailbox);
  }

 private:
  const routing::Config& config_;
  routing::DomainIndex domains_;
  routing::Presence presence_;
};

/// R5 with a given answer in place of the list.
class StubCutover final : public routing::Stage {
 public:
  StubCutover(const routing::Config& config, CutoverAnswer answer)
      : config_(config), answer_(answer) {}

  std::string_view name() const override { return "cutover"; }

  Answer evaluate(const Progress& progress) const override {
    const bool asks =
        progress.domain != nullptr && !progress.bound && has_cutover(config_, *progress.domain);
    if (!asks || answer_ == CutoverAnswer::not_listed) {
      return Verdict{routing::Pass{}, "not in a cut-over list"_text};
    }
    if (answer_ == CutoverAnswer::listed) return Verdict{routing::Bind{}, "cut over (R5)"_text};
    return Verdict{routing::Defer{routing::replies::directory_unavailable()},
                   "the cut-over list cannot be asked (R5)"_text};
  }

 private:
  const routing::Config& config_;
  CutoverAnswer answer_;
};

/// A stage that is not asked.
class SilentStage final : public routing::Stage {
 public:
  explicit SilentStage(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  Answer evaluate(const Progress& /*progress*/) const override {
    return Verdict{routing::Pass{}, "not asked by the proof"_text};
  }

 private:
  std::string name_;
};

/// A real stage as long as it answers at once. What it would do later is a coroutine that is never
/// begun, so that nobody is asked.
class ImmediateStage final : public routing::Stage {
 public:
  explicit ImmediateStage(std::unique_ptr<routing::Stage> stage) : stage_(std::move(stage)) {}
  std::string_view name() const override { return stage_->name(); }
  bool is_idle() const override { return stage_->is_idle(); }
  Answer evaluate(const Progress& progress) const override {
    Answer answer = stage_->evaluate(progress);
    if (std::holds_alternative<Verdict>(answer)) return answer;
    return Verdict{routing::Pass{}, "would ask somebody: no opinion in the proof"_text};
  }

 private:
  std::unique_ptr<routing::Stage> stage_;
};

/// Dual delivery for who is on none of its lists.
class NotDual final : public routing::Stage {
 public:
  NotDual(std::unique_ptr<routing::Stage> stage,
          const routing::Config& config,
          const routing::Config& lists)
      : stage_(std::move(stage)), config_(config), lists_(lists) {}
  std::string_view name() const override { return stage_->name(); }
  bool is_idle() const override { return stage_->is_idle(); }
  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return stage_->evaluate(progress);
    const auto place = static_cast<std::size_t>(progress.domain - config_.domains.data());
    const std::string& setting = lists_.domains[place].dual_delivery;
    if (setting.empty() || setting == "*") return stage_->evaluate(progress);
    return Verdict{routing::Pass{}, "not in the domain's dual_delivery list"_text};
  }

 private:
  std::unique_ptr<routing::Stage> stage_;
  const routing::Config& config_;
  const routing::Config& lists_;
};

/// Does a plug-in take the built-in stage's place?
bool is_replaced(const routing::Config& config, std::string_view stage) {
  if (config.more_stages == nullptr) return false;
  const std::vector<std::string> names = config.more_stages->names();
  return std::find(names.begin(), names.end(), stage) != names.end();
}

routing::Registry stubbed_registry(const routing::Config& config, const StubAnswers& answers) {
  auto real = std::make_shared<const routing::Registry>(routing::Registry::of(config));
  const std::vector<std::string> known = real->names();
  routing::Registry out;
  for (const std::string& name : config.routing.stages) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      out.add(name,
              [name](const routing::StageSources&) { return std::make_unique<SilentStage>(name); });
      continue;
    }
    out.add(name, [real, name](const routing::StageSources& sources) {
      return std::make_unique<ImmediateStage>(real->make(name, sources));
    });
  }
  const routing::Config* lists = answers.not_dual;
  if (lists != nullptr && !is_replaced(config, "dual_delivery")) {
    out.add("dual_delivery", [real, lists](const routing::StageSources& sources) {
      return std::make_unique<NotDual>(
          real->make("dual_delivery", sources), *sources.config, *lists);
    });
  }
  if (is_replaced(config, "cutover")) return out;
  out.add("cutover", [cutover = answers.cutover](const routing::StageSources& sources) {
    return std::make_unique<StubCutover>(*sources.config, cutover);
  });
  return out;
}

}  // namespace

bool has_cutover(const routing::Config& config, const routing::Domain& domain) {
  const auto cuts = [&domain](const routing::WaveConfig& wave) {
    return wave.state == routing::WaveState::cutover &&
           (wave.domain.empty() || wave.domain == domain.name);
  };
  return !domain.cutover_file.empty() || !domain.cutover.empty() ||
         std::any_of(config.waves.begin(), config.waves.end(), cuts);
}

Result<StubbedPipeline, std::string> StubbedPipeline::build(const routing::Config& config,
                                                            const StubAnswers& answers,
                                                            const routing::WayFiles* files) {
  std::unique_ptr<const routing::Directory> directory;
  const bool asks = !config.recipients.directory.empty() ||
                    std::any_of(config.domains.begin(), config.domains.end(), [](const auto& d) {
                      return !d.directory.empty();
                    });
  if (asks) directory = std::make_unique<StubDirectory>(config, answers.presence);
  routing::StageSources sources;
  sources.config = &config;
  sources.directory = directory.get();
  sources.files = files;
  Result<routing::Pipeline, std::string> pipeline =
      routing::Pipeline::build(stubbed_registry(config, answers), sources);
  if (!pipeline) return pipeline.error();
  return StubbedPipeline(std::move(directory), std::move(*pipeline));
}

routing::Decision StubbedPipeline::decide(const routing::Request& request) const {
  std::optional<routing::Decision> decision = pipeline_.decide_now(request);
  return decision ? std::move(*decision) : routing::Decision();
}

}  // namespace postern::gateway::proof
