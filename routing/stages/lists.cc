// SPDX-License-Identifier: Apache-2.0
#include "routing/address_patterns.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// Mail that is refused or dropped by who sends it, to whom, and from where. The first list that
/// matches counts.
class Lists final : public Stage {
 public:
  explicit Lists(const Config& config) {
    const RecipientsConfig& r = config.recipients;
    for (std::size_t i = 0; i < config.lists.size(); ++i) {
      const ListRule& rule = config.lists[i];
      const bool rejects = rule.action == ListRule::Action::reject;
      lists_.push_back(One{AddressPatterns(rule.senders, r.case_sensitive, r.delimiter),
                           AddressPatterns(rule.recipients, r.case_sensitive, r.delimiter),
                           rule.clients,
                           rejects,
                           rule.reply,
                           fmt::format("list {}: {}", i + 1, rejects ? "reject" : "discard")});
    }
  }

  std::string_view name() const override { return "lists"; }
  bool is_idle() const override { return lists_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    for (const One& one : lists_) {
      if (!matches(one, progress)) continue;
      if (!one.rejects) return Verdict{Discard{}, Text::literal(one.reason)};
      // The text is the reply's own: it may outlive this config in the queue.
      return reject(smtp::Reply(550, {5, 7, 1}, Text(one.reply)), Text::literal(one.reason));
    }
    return pass("in no list"_text);
  }

 private:
  struct One {
    AddressPatterns senders;
    AddressPatterns recipients;
    IpSet clients;
    bool rejects = true;
    std::string reply;
    std::string reason;
  };

  static bool matches(const One& one, const Progress& progress) {
    static const smtp::ReversePath kNull;
    const Request& request = *progress.request;
    const smtp::ReversePath& sender = request.sender != nullptr ? request.sender->path : kNull;
    if (!one.senders.empty() && !one.senders.match(sender)) return false;
    if (!one.clients.empty() && !one.clients.contains(request.client)) return false;
    return one.recipients.empty() || one.recipients.match(progress.recipient) ||
           one.recipients.match(request.recipient);
  }

  std::vector<One> lists_;
};

}  // namespace

std::unique_ptr<Stage> make_lists(const StageSources& sources) {
  return std::make_unique<Lists>(*sources.config);
}

}  // namespace postern::routing::stages
