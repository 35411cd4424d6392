// SPDX-License-Identifier: Apache-2.0
#include "routing/pipeline.h"

#include "base/read_section.h"
#include "routing/course.h"
#include "routing/loop_tokens.h"
#include "routing/mailbox_key.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::routing {
namespace {

bool is_mailbox_server(const Config& config, const NextHop& hop) {
  return std::any_of(config.domains.begin(), config.domains.end(), [&hop](const Domain& domain) {
    return domain.mailboxes == hop.name;
  });
}

/// R7a: a gateway of the config, or where a [[sender_route]] leads, that is neither X nor V: what a
/// DLP is.
bool is_filter_hop(const Config& config, const NextHop& hop) {
  if (hop.behaves == Behaviour::exchange || hop.behaves == Behaviour::vk_workspace) return false;
  const auto lists = [&hop](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), hop.name) != names.end();
  };
  const auto leads = [&hop](const SenderRoute& route) { return route.via == hop.name; };
  const bool is_gateway =
      lists(config.gateways.internal) || lists(config.gateways.external) ||
      std::any_of(config.sender_routes.begin(), config.sender_routes.end(), leads);
  return is_gateway && !is_mailbox_server(config, hop);
}

}  // namespace

bool Progress::is_from(const NextHop& hop) const {
  return std::find(origins.begin(), origins.end(), &hop) != origins.end();
}

Pipeline::Pipeline(const StageSources& sources)
    : sources_(sources),
      domains_(std::make_unique<DomainIndex>(sources.config->domains)),
      relay_access_(stages::make_relay_access(sources)),
      tracer_(
          std::make_unique<Tracer>(sources.config->hostname, sources.config->routing.trace_key)) {
  for (const NextHop& hop : config().next_hops) {
    IpSet clients = hop.sources.empty() ? default_sources(hop.hosts) : hop.sources;
    origins_.push_back(Origin{&hop, std::move(clients), is_filter_hop(config(), hop)});
  }
}

Result<Pipeline, std::string> Pipeline::build(const Registry& registry,
                                              const StageSources& sources) {
  if (std::optional<std::string> broken = find_broken_reference(*sources.config)) {
    return std::move(*broken);
  }
  Pipeline pipeline(sources);
  const std::vector<std::string>& names = sources.config->routing.stages;
  for (auto it = names.begin(); it != names.end(); ++it) {
    if (std::find(names.begin(), it, *it) != it) {
      return fmt::format("routing.stages: \"{}\" is listed twice", *it);
    }
    std::unique_ptr<Stage> stage = registry.make(*it, sources);
    if (!stage) {
      return fmt::format("routing.stages: there is no stage \"{}\"; there are {}",
                         *it,
                         fmt::join(registry.names(), ", "));
    }
    if (*it == "loop_guard") pipeline.guards_loops_ = true;
    if (!stage->is_idle()) pipeline.stages_.push_back(std::move(stage));
  }
  if (pipeline.guards_loops_ && !pipeline.tracer_->is_on()) {
    return std::string("routing.trace_key is empty: loop_guard could not tell its own passes");
  }
  return pipeline;
}

std::optional<net::Awaitable<Verdict>> Pipeline::run(Course& course, std::size_t& at) const {
  const ReadSection reading;  // one for all tables that are asked
  for (; at < stages_.size() && !course.done(); ++at) {
    Answer answer = stages_[at]->evaluate(course.progress());
    if (auto* later = std::get_if<net::Awaitable<Verdict>>(&answer)) return std::move(*later);
    course.take(*stages_[at], std::get<Verdict>(std::move(answer)));
  }
  return std::nullopt;
}

net::Awaitable<Decision> Pipeline::decide(const Request& request) const {
  Decision decision;
  Course course(*this, request, decision);
  std::size_t at = 0;
  while (std::optional<net::Awaitable<Verdict>> later = run(course, at)) {
    Verdict verdict = co_await std::move(*later);
    course.take(*stages_[at++], std::move(verdict));
  }
  course.finish();
  co_return decision;
}

std::optional<Decision> Pipeline::decide_now(const Request& request) const {
  std::optional<Decision> decision(std::in_place);
  Course course(*this, request, *decision);
  std::size_t at = 0;
  if (run(course, at)) {
    decision.reset();
  } else {
    course.finish();
  }
  return decision;
}

Hops Pipeline::origins(const IpAddress& client, std::string_view listener_from) const {
  Hops out;
  const IpBits address(client);
  for (const Origin& origin : origins_) {
    // R7a: on a listener with `from` the address is a balancer's or a DLP's, and tells only
    // whether the mail has been through the DLP.
    const bool by_listener = !listener_from.empty() && origin.hop->name == listener_from;
    const bool by_address =
        (listener_from.empty() || origin.is_filter) && origin.sources.contains(address);
    if (by_listener || by_address) out.push_back(origin.hop);
  }
  return out;
}

bool Pipeline::is_filter(const NextHop& hop) const {
  return std::any_of(origins_.begin(), origins_.end(), [&hop](const Origin& origin) {
    return origin.hop == &hop && origin.is_filter;
  });
}

std::optional<TraceHex> Pipeline::mailbox_hash(const smtp::Mailbox& mailbox) const {
  const DomainIndex::Found* found = domains_->find(mailbox.domain());
  if (found == nullptr) return std::nullopt;
  const RecipientsConfig& rules = config().recipients;
  const LocalKey key(mailbox.local(), rules.case_sensitive);
  return tracer_->mailbox_hash(key.without_tag(rules.delimiter), found->domain->name);
}

smtp::Reply Pipeline::check_message(const Request&,
                                    const Decision& decision,
                                    const MessageFacts& facts,
                                    unsigned* forged) const {
  if (forged != nullptr) *forged = 0;
  if (!guards_loops_ || decision.kind != DecisionKind::route) return replies::recipient_ok();
  smtp::Reply verdict = replies::recipient_ok();
  if (!facts.trace_fields.empty()) {
    Tracer::Passes passes(*tracer_, facts);
    const std::optional<TraceHex> mailbox = mailbox_hash(decision.recipient_out);
    const unsigned seen = mailbox ? passes.of(*mailbox) : 0;
    if (mailbox && seen >= config().routing.max_own_passes) verdict = replies::too_many_passes();
    if (forged != nullptr) *forged = passes.forged();
  }
  if (facts.received > config().routing.max_hops) verdict = replies::too_many_hops();
  return verdict;
}

std::string Pipeline::trace_fields(const std::vector<const Decision*>& recipients,
                                   const MessageFacts& facts) const {
  std::string out;
  if (!guards_loops_ || !tracer_->is_on()) return out;
  std::vector<TraceHex> mailboxes;
  for (const Decision* decision : recipients) {
    if (decision->kind != DecisionKind::route || !is_traced(decision->target)) continue;
    if (const auto hash = mailbox_hash(decision->recipient_out)) mailboxes.push_back(*hash);
  }
  // U+a@D and U+b@D are one mailbox, and one field.
  std::sort(mailboxes.begin(), mailboxes.end());
  mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end()), mailboxes.end());
  Tracer::Passes passes(*tracer_, facts);
  for (const TraceHex& mailbox : mailboxes) {
    const unsigned pass = std::min(passes.of(mailbox) + 1, kMaxTracePass);
    out += tracer_->field(mailbox, pass);
  }
  return out + loop_tokens(recipients, facts);
}

}  // namespace postern::routing
