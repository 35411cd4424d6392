// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"
#include "routing/cutover_list.h"
#include "routing/waves.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {
namespace {

using routing::Waves;
using routing::WaveState;

/// The waves of a config with their places in it.
class WaveCheck {
 public:
  WaveCheck(const Config& config, const ListFiles& lists, Findings& out)
      : config_(config), out_(out), waves_(lists.waves), lists_(lists.cutover) {}

  void run() {
    const std::vector<routing::WaveConfig>& all = config_.routing.waves;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Waves::Wave* wave = waves_.find(all[i].name);
      if (wave != nullptr && !wave->file) tell_unlisted(i);
      if (wave == nullptr || !wave->file) continue;
      check_members(i, *wave);
      check_list(i, *wave);
      for (std::size_t j = 0; j < i; ++j) {
        const Waves::Wave* before = waves_.find(all[j].name);
        if (before != nullptr && before->file) check_pair(j, *before, i, *wave);
      }
    }
  }

 private:
  static std::string path_of(std::size_t i) { return fmt::format("wave[{}].members", i); }
  unsigned line_of(std::size_t i) const {
    return config_.finding(Severity::error, path_of(i), "", "").line;
  }

  /// Members that a server alone knows are compared with nobody's here.
  void tell_unlisted(std::size_t i) {
    const std::vector<routing::WaveConfig>& all = config_.routing.waves;
    for (std::size_t j = 0; j < all.size(); ++j) {
      const bool apart = !all[i].domain.empty() && !all[j].domain.empty();
      if (j == i || (apart && all[i].domain != all[j].domain)) continue;
      return out_.info(
          path_of(i),
          "wave-not-listed",
          fmt::format(
              "members of \"{}\" cannot be listed: whether a user is in \"{}\" "
              "too is seen when mail comes, which gets 451 4.3.5 where only one of the two is "
              "cut over",
              all[i].members,
              all[j].name));
    }
  }

  void check_members(std::size_t i, const Waves::Wave& wave) {
    const std::shared_ptr<const routing::MailboxTable> table = wave.file->file().table();
    if (!table) {
      const bool needed = wave.config.state == WaveState::cutover;
      return out_.warning(path_of(i),
                          "missing-file",
                          fmt::format("{}; create it{}",
                                      wave.file->file().problem(),
                                      needed ? ", or mail for domains of ours gets 451 4.4.3 (R5)"
                                             : ": until then the wave has no users"));
    }
    if (table->ignored() > 0) {
      out_.warning(path_of(i),
                   "bad-member",
                   fmt::format("{}: {} lines are no users of the wave's domains, the first is {}; "
                               "write one address or local part a line",
                               wave.file->file().path(),
                               table->ignored(),
                               table->first_ignored()));
    }
    const std::size_t bare = wave.file->first_without_domain();
    if (bare != 0 && wave.config.domain.empty() && config_.routing.domains.size() > 1) {
      out_.error(path_of(i),
                 "wave-domain",
                 fmt::format("{}, line {} is a local part alone, and there are {} domains; write "
                             "domain = \"{}\" here, or whole addresses there",
                             wave.file->file().path(),
                             bare,
                             config_.routing.domains.size(),
                             config_.routing.domains.front().name));
    }
  }

  /// Who is in two waves has two ways.
  void check_pair(std::size_t j,
                  const Waves::Wave& before,
                  std::size_t i,
                  const Waves::Wave& wave) {
    std::size_t both = 0;
    std::string first;
    wave.file->each([&](const smtp::Mailbox& member, std::size_t line) {
      const std::size_t there = before.file->line_of(member);
      if (there == 0 || both++ > 0) return;
      first = fmt::format(
          "{} is in the wave \"{}\" ({}, line {}; config line {}) and in \"{}\" "
          "({}, line {}; config line {})",
          member.text(),
          before.config.name,
          before.file->file().path(),
          there,
          line_of(j),
          wave.config.name,
          wave.file->file().path(),
          line,
          line_of(i));
    });
    if (both == 0) return;
    const std::string more = both == 1 ? "" : fmt::format(", and so are {} more", both - 1);
    out_.error(path_of(i),
               "two-waves",
               fmt::format("{}{}; a user is in one wave: take it out of one", first, more));
  }

  /// The list has the last word: a wave does not bring its users back to X.
  void check_list(std::size_t i, const Waves::Wave& wave) {
    std::size_t both = 0;
    std::string first;
    wave.file->each([&](const smtp::Mailbox& member, std::size_t line) {
      for (const routing::Domain& domain : config_.routing.domains) {
        const routing::CutoverList* list = lists_.find(domain);
        if (domain.name != member.domain() || list == nullptr) continue;
        const routing::CutoverList::Answer answer = list->look_up(member);
        if (answer.standing != routing::CutoverList::Standing::listed || both++ > 0) continue;
        first = fmt::format("{} ({}, line {}) is in the cut-over list {} too (line {})",
                            member.text(),
                            wave.file->file().path(),
                            line,
                            list->file().path(),
                            answer.line);
      }
    });
    if (both == 0) return;
    const std::string more = both == 1 ? "" : fmt::format(", and so are {} more", both - 1);
    out_.warning(path_of(i),
                 "wave-and-cutover",
                 fmt::format("{}{}: cut over whatever the wave's state is (R5); take it out of the "
                             "list",
                             first,
                             more));
  }

  const Config& config_;
  Findings& out_;
  const Waves& waves_;
  const routing::CutoverLists& lists_;
};

}  // namespace

void check_waves(const Config& config, const ListFiles& lists, Findings& out) {
  if (config.routing.waves.empty()) return;
  WaveCheck(config, lists, out).run();
  const std::vector<std::string>& stages = config.routing.routing.stages;
  if (std::find(stages.begin(), stages.end(), "cutover") == stages.end()) {
    out.warning("routing.stages",
                "stage-left-out",
                "the stage \"cutover\" is left out: waves have no effect (R5); add it");
  }
}

}  // namespace postern::gateway
