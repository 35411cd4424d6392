// SPDX-License-Identifier: Apache-2.0
#include "routing/address_patterns.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// Ways by who sends. The first rule that matches counts. A sender's address is what the client
/// says it is: it chooses a way here and never a right (R2 is asked all the same).
class SenderRoutes final : public Stage {
 public:
  explicit SenderRoutes(const Config& config) {
    const RecipientsConfig& r = config.recipients;
    for (std::size_t i = 0; i < config.sender_routes.size(); ++i) {
      const SenderRoute& rule = config.sender_routes[i];
      Way way;
      way.senders = AddressPatterns(rule.senders, r.case_sensitive, r.delimiter);
      way.clients = rule.clients;
      way.hop = config.find_next_hop(rule.via);
      way.all = rule.all;
      way.reason =
          fmt::format("sender_route {}: {} goes via {}",
                      i + 1,
                      rule.senders.empty()   ? "what comes from these clients"
                      : rule.clients.empty() ? "what these senders send"
                                             : "what these senders send from these clients",
                      rule.via);
      if (way.hop != nullptr) ways_.push_back(std::move(way));
    }
  }

  std::string_view name() const override { return "sender_route"; }
  bool is_idle() const override { return ways_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    static const smtp::ReversePath kNull;
    const Request& request = *progress.request;
    const smtp::ReversePath& sender = request.sender != nullptr ? request.sender->path : kNull;
    for (const Way& way : ways_) {
      if (progress.domain != nullptr && !way.all) continue;
      if (!way.clients.empty() && !way.clients.contains(request.client)) continue;
      if (!way.senders.empty() && !way.senders.match(sender)) continue;
      RouteTo route;
      route.target.hops.push_back(way.hop);
      return Verdict{std::move(route), Text::literal(way.reason)};
    }
    return pass("no sender_route for this sender, client and recipient"_text);
  }

 private:
  struct Way {
    AddressPatterns senders;
    IpSet clients;
    const NextHop* hop = nullptr;
    bool all = false;
    std::string reason;
  };
  std::vector<Way> ways_;
};

}  // namespace

std::unique_ptr<Stage> make_sender_route(const StageSources& sources) {
  return std::make_unique<SenderRoutes>(*sources.config);
}

}  // namespace postern::routing::stages
