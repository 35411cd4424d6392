// SPDX-License-Identifier: Apache-2.0
#include "routing/directory.h"
#include "routing/joined.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <optional>

namespace postern::routing::stages {
namespace {

/// R9: who is bound for V and not there goes to X, which may have the mailbox or makes the bounce.
/// From X itself it is refused, so that it does not circle.
class UnknownRecipient final : public Stage {
 public:
  UnknownRecipient(const NextHop* redirect, const Directory* directory)
      : redirect_(redirect), directory_(directory) {}

  std::string_view name() const override { return "unknown_recipient"; }

  Answer evaluate(const Progress& progress) const override {
    if (redirect_ == nullptr) return pass("recipients.unknown_redirect is not set"_text);
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (directory_ == nullptr) return pass("no directory is configured: everyone is known"_text);
    if (progress.known) return pass("known: the directory has been asked"_text);
    std::optional<DirectoryAnswer> answer = directory_->try_keyed(progress.recipient, progress.key);
    if (!answer) return ask(progress);
    return judge(progress, std::move(*answer));
  }

 private:
  net::Awaitable<Verdict> ask(const Progress& progress) const {
    DirectoryAnswer answer = co_await directory_->look_up(progress.recipient);
    co_return judge(progress, std::move(answer));
  }

  Verdict judge(const Progress& progress, DirectoryAnswer answer) const {
    if (answer.presence == Presence::known) return known(std::move(answer.evidence));
    if (answer.presence == Presence::unavailable) {
      return defer(replies::directory_unavailable(), std::move(answer.evidence));
    }
    if (progress.is_from(*redirect_)) {
      return reject(
          replies::no_such_mailbox(),
          joined({answer.evidence, ", and the mail comes from ", redirect_->name, " itself (R9)"}));
    }
    RouteTo route;
    route.target.hops.push_back(redirect_);
    // U@T would only be sent back here.
    route.recipient_out = under_main_name(progress);
    return {
        std::move(route),
        joined({answer.evidence, ": recipients.unknown_redirect is ", redirect_->name, " (R9)"})};
  }

  const NextHop* redirect_;
  const Directory* directory_;
};

}  // namespace

std::unique_ptr<Stage> make_unknown_recipient(const StageSources& sources) {
  const Config& config = *sources.config;
  return std::make_unique<UnknownRecipient>(
      config.find_next_hop(config.recipients.unknown_redirect), sources.directory);
}

}  // namespace postern::routing::stages
