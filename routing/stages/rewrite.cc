// SPDX-License-Identifier: Apache-2.0
#include "routing/replies.h"
#include "routing/stages/builtin.h"
#include "routing/way_files.h"

#include <fmt/compile.h>
#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// Other names for recipients, in the envelope alone (R16). One pass: what comes out is not looked
/// up again. The config's own rules before the files, in their order.
class Rewriter final : public Stage {
 public:
  Rewriter(const Config& config, const WayFiles* files)
      : own_(MailboxRules{nullptr, config.recipients.case_sensitive, config.recipients.delimiter}) {
    for (const RewriteRule& rule : config.rewrites) {
      if (rule.map.empty()) {
        own_.add(rule.from, rule.to);
      } else {
        files_.push_back(files != nullptr ? files->map(rule.map) : nullptr);
      }
    }
  }

  std::string_view name() const override { return "rewrite"; }
  bool is_idle() const override { return own_.size() == 0 && files_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    const smtp::Mailbox& old = progress.recipient;
    if (std::optional<RewriteMap::Found> found = own_.find(old, progress.key)) {
      const std::string reason = fmt::format("rewrite: <{}>", found->to.text());
      return Verdict{Rewrite{std::move(found->to)}, reason};
    }
    for (const WatchedMap* file : files_) {
      const ReadSection reading;
      const RewriteMap* const map = file != nullptr ? file->table(reading) : nullptr;
      if (map == nullptr) {
        return defer(
            replies::directory_unavailable(),
            fmt::format("rewrite {}", file != nullptr ? file->problem() : "was not loaded"));
      }
      std::optional<RewriteMap::Found> found = map->find(old, progress.key);
      if (!found) continue;
      const std::string reason = fmt::format(
          FMT_COMPILE("{}, line {}: <{}>"), file->short_name(), found->line, found->to.text());
      return Verdict{Rewrite{std::move(found->to)}, reason};
    }
    return pass("no rewrite for this address"_text);
  }

 private:
  RewriteMap own_;
  std::vector<const WatchedMap*> files_;
};

}  // namespace

std::unique_ptr<Stage> make_rewrite(const StageSources& sources) {
  return std::make_unique<Rewriter>(*sources.config, sources.files);
}

}  // namespace postern::routing::stages
