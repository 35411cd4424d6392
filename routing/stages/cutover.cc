// SPDX-License-Identifier: Apache-2.0
#include "routing/cutover_list.h"
#include "routing/directory.h"
#include "routing/joined.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

#include <optional>

namespace postern::routing::stages {
namespace {

/// R5: users who have left X go straight to V. A list that cannot be read or asked is no empty
/// list: mail for a user who left would go to X, which has nobody for it.
class Cutover final : public Stage {
 public:
  explicit Cutover(const CutoverLists* lists) : lists_(lists) {}

  std::string_view name() const override { return "cutover"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (progress.bound) return pass("bound to the domain's mailboxes already"_text);
    const Domain& domain = *progress.domain;
    if (domain.cutover_file.empty() && domain.cutover.empty()) {
      return pass("the domain has no cutover list"_text);
    }
    if (const Directory* directory = lists_ != nullptr ? lists_->directory(domain) : nullptr) {
      std::optional<DirectoryAnswer> answer =
          directory->try_keyed(progress.recipient, progress.key);
      if (!answer) return ask(*directory, progress);
      return judge(std::move(*answer));
    }
    const CutoverList* list = lists_ != nullptr ? lists_->find(domain) : nullptr;
    if (list == nullptr) {
      return defer(replies::directory_unavailable(), "the cutover list was not loaded (R5)"_text);
    }
    return judge(*list, progress);
  }

 private:
  static net::Awaitable<Verdict> ask(const Directory& directory, const Progress& progress) {
    DirectoryAnswer answer = co_await directory.look_up(progress.recipient);
    co_return judge(std::move(answer));
  }

  static Verdict judge(DirectoryAnswer answer) {
    switch (answer.presence) {
      case Presence::known:
        return Verdict{Bind{}, fmt::format("cut over: {} (R5)", answer.evidence)};
      case Presence::unknown:
        return pass(fmt::format("not cut over: {}", answer.evidence));
      case Presence::unavailable:
        break;
    }
    return defer(replies::directory_unavailable(),
                 fmt::format("cutover list: {} (R5)", answer.evidence));
  }

  static Verdict judge(const CutoverList& list, const Progress& progress) {
    const CutoverList::Answer answer = list.look_up(progress.key);
    switch (answer.standing) {
      case CutoverList::Standing::listed:
        return Verdict{Bind{},
                       joined({list.file().short_name(), ", line ", Digits(answer.line), " (R5)"})};
      case CutoverList::Standing::not_listed:
        return pass("not in the domain's cutover list"_text);
      case CutoverList::Standing::unavailable:
        break;
    }
    return defer(replies::directory_unavailable(),
                 fmt::format("cutover list {} (R5)", list.file().problem()));
  }

  const CutoverLists* lists_;
};

}  // namespace

std::unique_ptr<Stage> make_cutover(const StageSources& sources) {
  return std::make_unique<Cutover>(sources.cutover);
}

}  // namespace postern::routing::stages
