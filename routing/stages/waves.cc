// SPDX-License-Identifier: Apache-2.0
#include "routing/waves.h"

#include "routing/joined.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

namespace postern::routing::stages {
namespace {

/// The stage "cutover" of a config with waves: a user of a wave in the state "cutover" is bound
/// (R5); about everybody else the domain's cut-over list is asked, so that who is listed there has
/// left X whatever his wave says. A passing verdict names the user's wave.
///
/// Members that cannot be read matter to "cutover" alone: mail for a user who left would go to X,
/// which has nobody for it. In the other states it goes to X with them and without.
///
/// A user whom two waves claim, which `check` can only see in files, waits for the administrator
/// where they disagree: either way may be the wrong one. Where both are cut over, or neither is,
/// his mail has one way.
class WaveCutover final : public Stage {
 public:
  WaveCutover(std::unique_ptr<Stage> listed, const Waves* waves)
      : listed_(std::move(listed)), waves_(waves) {}

  std::string_view name() const override { return listed_->name(); }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr || progress.bound) return listed_->evaluate(progress);
    Found found;
    std::vector<const Waves::Wave*> unasked;
    for (const Waves::Wave& wave : waves_->all()) {
      if (waves_->are_compared() && found.wave != nullptr) break;
      if (!concerns(wave, progress)) continue;
      if (auto answer = wave.members->try_keyed(progress.recipient, progress.key)) {
        found.add(wave, std::move(*answer));
      } else {
        unasked.push_back(&wave);
      }
    }
    if (!unasked.empty()) return ask(progress, std::move(found), std::move(unasked));
    if (std::optional<Verdict> verdict = by_wave(found)) return std::move(*verdict);
    Answer answer = listed_->evaluate(progress);
    if (auto* waiting = std::get_if<net::Awaitable<Verdict>>(&answer)) {
      return finish(std::move(*waiting), std::move(found));
    }
    return named(std::get<Verdict>(std::move(answer)), found);
  }

 private:
  static bool is_cut_over(const WaveConfig& wave) { return wave.state == WaveState::cutover; }

  struct Found {
    const WaveConfig* wave = nullptr;  ///< the user's; null: none so far
    std::string evidence;              ///< his line in it
    /// Another one that has the user, too: one that disagrees with the first before one that
    /// agrees.
    const WaveConfig* second = nullptr;
    std::string second_evidence;
    const WaveConfig* unavailable = nullptr;  ///< one that is cut over and cannot be asked
    std::string problem;

    /// Whatever waves that are not cut over say: who may have left cannot be told from who has not.
    bool must_wait() const {
      return unavailable != nullptr && (wave == nullptr || !is_cut_over(*wave));
    }
    bool disagree() const {
      return second != nullptr && is_cut_over(*wave) != is_cut_over(*second);
    }
    void add(const Waves::Wave& asked, DirectoryAnswer answer) {
      if (answer.presence == Presence::known) {
        if (disagree()) return;
        (wave == nullptr ? evidence : second_evidence) = std::move(answer.evidence);
        (wave == nullptr ? wave : second) = &asked.config;
      } else if (answer.presence == Presence::unavailable && unavailable == nullptr &&
                 is_cut_over(asked.config)) {
        unavailable = &asked.config;
        problem = std::move(answer.evidence);
      }
    }
  };

  static bool concerns(const Waves::Wave& wave, const Progress& progress) {
    return wave.config.domain.empty() || wave.config.domain == progress.domain->name;
  }

  static std::string reason_of(const WaveConfig& wave, std::string_view evidence) {
    return joined({"wave ", wave.name, ": ", name_of(wave.state), " (", evidence, ")"});
  }

  static std::string reason_of(const Found& found) {
    std::string first = reason_of(*found.wave, found.evidence);
    if (found.second == nullptr) return first;
    return fmt::format("in two waves: {}, and {}; take the user out of one",
                       first,
                       reason_of(*found.second, found.second_evidence));
  }

  /// What the waves alone say; nullopt: the cut-over list is asked.
  static std::optional<Verdict> by_wave(const Found& found) {
    if (found.disagree()) return defer(replies::ambiguous_way(), reason_of(found) + " (R5)");
    if (found.wave != nullptr && is_cut_over(*found.wave)) {
      return Verdict{Bind{}, reason_of(found) + " (R5)", true};
    }
    if (found.unavailable == nullptr) return std::nullopt;
    return defer(replies::directory_unavailable(),
                 fmt::format("wave {}: {} (R5)", found.unavailable->name, found.problem));
  }

  static Verdict named(Verdict listed, const Found& found) {
    if (found.wave != nullptr && std::holds_alternative<Pass>(listed.what)) {
      listed.reason = reason_of(found);
      listed.is_told = true;
    }
    return listed;
  }

  static net::Awaitable<Verdict> finish(net::Awaitable<Verdict> listed, Found found) {
    Verdict verdict = co_await std::move(listed);
    co_return named(std::move(verdict), found);
  }

  net::Awaitable<Verdict> ask(const Progress& progress,
                              Found found,
                              std::vector<const Waves::Wave*> unasked) const {
    for (const Waves::Wave* wave : unasked) {
      if (!is_cut_over(wave->config) && found.must_wait()) break;
      DirectoryAnswer answer = co_await wave->members->look_up(progress.recipient);
      found.add(*wave, std::move(answer));
    }
    if (std::optional<Verdict> verdict = by_wave(found)) co_return std::move(*verdict);
    Answer answer = listed_->evaluate(progress);
    if (auto* waiting = std::get_if<net::Awaitable<Verdict>>(&answer)) {
      Verdict verdict = co_await std::move(*waiting);
      co_return named(std::move(verdict), found);
    }
    co_return named(std::get<Verdict>(std::move(answer)), found);
  }

  std::unique_ptr<Stage> listed_;
  const Waves* waves_;
};

}  // namespace

std::unique_ptr<Stage> make_wave_cutover(const StageSources& sources) {
  std::unique_ptr<Stage> listed = make_cutover(sources);
  if (sources.waves == nullptr || sources.waves->all().empty()) return listed;
  return std::make_unique<WaveCutover>(std::move(listed), sources.waves);
}

}  // namespace postern::routing::stages
