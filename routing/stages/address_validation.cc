// SPDX-License-Identifier: Apache-2.0
#include "routing/directory.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <optional>

namespace postern::routing::stages {
namespace {

/// R8: a recipient of ours that no stage before has routed away is bound for V; when V does not
/// have it, it is refused at RCPT.
class AddressValidation final : public Stage {
 public:
  AddressValidation(bool validate, const Directory* directory)
      : validate_(validate), directory_(directory) {}

  std::string_view name() const override { return "address_validation"; }

  Answer evaluate(const Progress& progress) const override {
    if (!validate_) return pass("recipients.validate is off (R8)"_text);
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (directory_ == nullptr) return pass("no directory is configured: everyone is known"_text);
    if (progress.known) return pass("known: the directory has been asked"_text);
    std::optional<DirectoryAnswer> answer = directory_->try_keyed(progress.recipient, progress.key);
    if (!answer) return ask(progress);
    return judge(std::move(*answer));
  }

 private:
  net::Awaitable<Verdict> ask(const Progress& progress) const {
    DirectoryAnswer answer = co_await directory_->look_up(progress.recipient);
    co_return judge(std::move(answer));
  }

  static Verdict judge(DirectoryAnswer answer) {
    switch (answer.presence) {
      case Presence::known:
        return known(std::move(answer.evidence));
      case Presence::unknown:
        return reject(replies::no_such_mailbox(), std::move(answer.evidence));
      case Presence::unavailable:
        break;
    }
    return defer(replies::directory_unavailable(), std::move(answer.evidence));
  }

  bool validate_;
  const Directory* directory_;
};

}  // namespace

std::unique_ptr<Stage> make_address_validation(const StageSources& sources) {
  return std::make_unique<AddressValidation>(sources.config->recipients.validate,
                                             sources.directory);
}

}  // namespace postern::routing::stages
