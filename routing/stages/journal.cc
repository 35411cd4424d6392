// SPDX-License-Identifier: Apache-2.0
#include "routing/address_patterns.h"
#include "routing/mailbox_key.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// A copy of each letter for an archive. It goes by its own next hop whatever ways the recipients
/// take, and never for mail to the archive itself.
class Journals final : public Stage {
 public:
  explicit Journals(const Config& config) : case_sensitive_(config.recipients.case_sensitive) {
    const RecipientsConfig& r = config.recipients;
    for (const Journal& rule : config.journals) {
      const Result<smtp::Mailbox> to = smtp::Mailbox::parse(rule.to);
      const NextHop* hop = config.find_next_hop(rule.via);
      if (!to || hop == nullptr) continue;
      archives_.push_back(Archive{*to,
                                  hop,
                                  AddressPatterns(rule.senders, r.case_sensitive, r.delimiter),
                                  AddressPatterns(rule.recipients, r.case_sensitive, r.delimiter)});
    }
  }

  std::string_view name() const override { return "journal"; }
  bool is_idle() const override { return archives_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    Fork fork;
    fork.kind = CopyKind::journal;
    for (const Archive& archive : archives_) {
      if (!wants(archive, progress)) continue;
      RouteTo to;
      to.target.hops.push_back(archive.hop);
      to.recipient_out = archive.to;
      to.pass_over_origin = false;  // R7: not under the address that it came with
      fork.to.push_back(std::move(to));
    }
    if (fork.to.empty()) return pass("no journal for this sender and recipient"_text);
    const std::string reason = fmt::format("journal: a copy for <{}>{}",
                                           fork.to.front().recipient_out.text(),
                                           fork.to.size() > 1 ? " and others" : "");
    return Verdict{std::move(fork), reason};
  }

 private:
  struct Archive {
    smtp::Mailbox to;
    const NextHop* hop = nullptr;
    AddressPatterns senders;
    AddressPatterns recipients;
  };

  bool wants(const Archive& archive, const Progress& progress) const {
    static const smtp::ReversePath kNull;
    const Request& request = *progress.request;
    if (same_mailbox(progress.recipient, archive.to, case_sensitive_)) return false;
    const smtp::ReversePath& sender = request.sender != nullptr ? request.sender->path : kNull;
    if (!archive.senders.empty() && !archive.senders.match(sender)) return false;
    if (archive.recipients.empty() || archive.recipients.match(progress.recipient)) return true;
    const bool is_rewritten = progress.recipient.text() != request.recipient.text();
    return is_rewritten && archive.recipients.match(request.recipient);
  }

  bool case_sensitive_;
  std::vector<Archive> archives_;
};

}  // namespace

std::unique_ptr<Stage> make_journal(const StageSources& sources) {
  return std::make_unique<Journals>(*sources.config);
}

}  // namespace postern::routing::stages
