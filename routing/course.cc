// SPDX-License-Identifier: Apache-2.0
#include "routing/course.h"

#include "routing/joined.h"
#include "routing/mailbox_key.h"
#include "routing/replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::routing {
namespace {

// What the trace calls the rules that are not stages.
constexpr std::string_view kPostmaster = "postmaster";
constexpr std::string_view kSplitHorizon = "split_horizon";
constexpr std::string_view kNoStage = "end_of_stages";

/// After so many stages memory has answered: a tenth of a microsecond each.
constexpr unsigned kPlaceIsThere = 3;

}  // namespace

Pipeline::Course::Course(const Pipeline& pipeline, const Request& request, Decision& decision)
    : pipeline_(pipeline), decision_(decision) {
  decision_.trace.reserve(pipeline.stages_.size() + 2);
  progress_.request = &request;
  progress_.origins = pipeline.origins(request.client, request.listener_from);
  came_as_ = &request.recipient;
  if (request.recipient.has_domain()) {
    set_recipient(request.recipient);
  } else {
    begin_postmaster();
  }
}

/// RFC 5321 4.1.1.3: `<Postmaster>` has no domain; it is the postmaster of the first domain.
void Pipeline::Course::begin_postmaster() {
  const Config& config = pipeline_.config();
  const smtp::Mailbox& recipient = progress_.request->recipient;
  if (config.domains.empty() || !smtp::iequals(recipient.local(), "postmaster")) {
    note(kPostmaster, "reject", "a recipient without a domain, and no domain is ours (R1)"_text);
    return settle(DecisionKind::reject, replies::no_postmaster(), kPostmaster);
  }
  const std::string& first = config.domains.front().name;
  note(kPostmaster,
       "rewrite",
       fmt::format("<Postmaster> without a domain is the postmaster of {}", first));
  postmaster_ = smtp::Mailbox(recipient.local(), first);
  came_as_ = &postmaster_;
  set_recipient(postmaster_);
}

void Pipeline::Course::set_recipient(smtp::Mailbox recipient) {
  progress_.recipient = std::move(recipient);
  asked_ = 0;
  const DomainIndex::Found* found = pipeline_.domains_->find(progress_.recipient.domain());
  const Domain* domain = found != nullptr ? found->domain : nullptr;
  if (domain != progress_.domain) progress_.bound = false;
  progress_.known = false;
  progress_.domain = domain;
  progress_.under_alias = found != nullptr && found->under_alias;
  const RecipientsConfig& rules = pipeline_.config().recipients;
  progress_.key = RecipientKey(progress_.recipient.local(),
                               found != nullptr ? found->number : RecipientKey::kNoDomain,
                               rules.case_sensitive,
                               rules.delimiter);
  prefetch(Directory::Part::place);
}

/// The stages that ask the directory come late: what their look-up waits for is fetched meanwhile.
void Pipeline::Course::prefetch(Directory::Part part) const {
  const Directory* const directory = pipeline_.sources_.directory;
  if (directory != nullptr && progress_.domain != nullptr) directory->prefetch(progress_.key, part);
}

TraceStep& Pipeline::Course::note(std::string_view stage, std::string_view verdict, Text&& reason) {
  TraceStep& step = decision_.trace.emplace_back();
  step.stage = stage;
  step.verdict = verdict;
  step.reason = std::move(reason);
  return step;
}

void Pipeline::Course::settle(DecisionKind kind, smtp::Reply reply, std::string_view stage) {
  decision_.kind = kind;
  decision_.reply = std::move(reply);
  decision_.stage = stage;
  done_ = true;
}

void Pipeline::Course::take(const Stage& stage, Verdict&& verdict) {
  if (++asked_ == kPlaceIsThere) prefetch(Directory::Part::record);
  const std::string_view name = verdict_name(verdict);
  if (auto* route = std::get_if<RouteTo>(&verdict.what)) {
    return take_route(stage, std::move(*route), std::move(verdict.reason));
  }
  if (auto* fork = std::get_if<Fork>(&verdict.what)) {
    return take_fork(stage, std::move(*fork), verdict.reason);
  }
  const bool is_discard = std::holds_alternative<Discard>(verdict.what);
  if (is_discard && !may_relay()) return;
  note(stage.name(), name, std::move(verdict.reason)).is_told = verdict.is_told;
  if (is_discard) {
    settle(DecisionKind::discard, replies::recipient_ok(), stage.name());
  } else if (auto* refusal = std::get_if<Reject>(&verdict.what)) {
    settle(DecisionKind::reject, std::move(refusal->reply), stage.name());
  } else if (auto* delay = std::get_if<Defer>(&verdict.what)) {
    settle(DecisionKind::defer, std::move(delay->reply), stage.name());
  } else if (auto* rewrite = std::get_if<Rewrite>(&verdict.what)) {
    set_recipient(std::move(rewrite->recipient));
  } else if (std::holds_alternative<Bind>(verdict.what)) {
    progress_.bound = progress_.domain != nullptr;
  } else if (auto* pass = std::get_if<Pass>(&verdict.what)) {
    take_pass(stage, std::move(*pass));
  }
  if (!done_ && !access_asked_ && stage.name() == pipeline_.relay_access_->name()) {
    access_asked_ = true;
  }
}

void Pipeline::Course::take_pass(const Stage& stage, Pass&& pass) {
  if (pass.known) progress_.known = true;
  if (!pass.deferral) return;
  std::optional<Deferral>& kept = pass.when == Pass::When::taken ? if_taken_ : if_refused_;
  if (kept) return;
  kept = Deferral{stage.name(), std::move(*pass.deferral), decision_.trace.back().reason};
}

/// What passed before has the last word about the outcome, never about a refusal that is none.
void Pipeline::Course::apply_deferrals() {
  const bool refused = decision_.kind == DecisionKind::reject;
  const bool taken =
      decision_.kind == DecisionKind::route || decision_.kind == DecisionKind::discard;
  std::optional<Deferral>& kept = refused ? if_refused_ : if_taken_;
  if (!kept || (!refused && !taken)) return;
  note(kept->stage, "defer", std::move(kept->reason));
  settle(DecisionKind::defer, std::move(kept->reply), kept->stage);
}

void Pipeline::Course::take_route(const Stage& stage, RouteTo&& route, Text&& reason) {
  if (!stands_after_split_horizon(route, reason)) {
    passed_over_ = true;
    note(stage.name(), "pass", std::move(reason));
    return;
  }
  if (!may_relay()) return;
  note(stage.name(), "route", std::move(reason));
  decision_.target = std::move(route.target);
  // The last stage was asked: nobody reads the recipient on its way any more.
  decision_.recipient_out =
      std::move(route.recipient_out.empty() ? progress_.recipient : route.recipient_out);
  decision_.delivery = route.delivery;
  // One mailbox of one server gets one message.
  std::erase_if(decision_.also, [this](const Copy& copy) {
    return copy.target == decision_.target && copy.recipient_out == decision_.recipient_out;
  });
  settle(DecisionKind::route, replies::recipient_ok(), stage.name());
}

void Pipeline::Course::take_fork(const Stage& stage, Fork&& fork, const Text& reason) {
  if (fork.binds) progress_.bound = progress_.domain != nullptr;
  for (RouteTo& route : fork.to) {
    Text why = reason;
    if (!stands_after_split_horizon(route, why)) {
      note(stage.name(), fork.binds ? "bind" : "pass", std::move(why));
      continue;
    }
    note(stage.name(), "copy", Text(why));
    if (route.recipient_out.empty()) route.recipient_out = progress_.recipient;
    decision_.also.push_back(Copy{fork.kind,
                                  std::move(route.target),
                                  std::move(route.recipient_out),
                                  stage.name(),
                                  std::move(why)});
  }
}

/// R7 has taken the recipient's own way, since the mail comes from there: of a mailbox in two
/// places the other one is left.
bool Pipeline::Course::take_copy_as_way() {
  const auto dual = [](const Copy& copy) { return copy.kind == CopyKind::dual; };
  std::vector<Copy>& also = decision_.also;
  const auto copy = std::find_if(also.begin(), also.end(), dual);
  if (!passed_over_ || copy == also.end() || !may_relay()) return false;
  note(copy->stage, "route", std::move(copy->reason));
  decision_.target = std::move(copy->target);
  decision_.recipient_out = std::move(copy->recipient_out);
  settle(DecisionKind::route, replies::recipient_ok(), copy->stage);
  also.erase(copy);
  return true;
}

/// R7, R7a: takes the next hops that the mail came from out of the route; false: none is left.
bool Pipeline::Course::stands_after_split_horizon(RouteTo& route, Text& reason) {
  if (progress_.origins.empty() || route.target.hops.empty()) return true;
  const bool case_sensitive = pipeline_.config().recipients.case_sensitive;
  const smtp::Mailbox& out =
      route.recipient_out.empty() ? progress_.recipient : route.recipient_out;
  if (!route.pass_over_origin && !same_mailbox(*came_as_, out, case_sensitive)) {
    return true;
  }
  Hops& hops = route.target.hops;
  const NextHop* removed = nullptr;
  for (const NextHop* hop : hops) {
    if (progress_.is_from(*hop) && removed == nullptr) removed = hop;
  }
  if (removed == nullptr) return true;
  hops.erase(
      std::remove_if(
          hops.begin(), hops.end(), [this](const NextHop* hop) { return progress_.is_from(*hop); }),
      hops.end());
  // R7a: the hops of a gateway list are one DLP. Its second host must not get what the first has
  // seen, or the two would hand the mail to each other.
  if (pipeline_.is_filter(*removed)) hops.clear();
  if (hops.empty()) {
    reason =
        joined({reason.view(), ", but the mail comes from ", removed->name, " (R7): passed over"});
    return false;
  }
  reason =
      joined({reason.view(), ", but not to ", removed->name, ", where the mail comes from (R7)"});
  return true;
}

/// R1: whoever leaves relay_access out of the list, or puts a stage before it, makes no open relay.
bool Pipeline::Course::may_relay() {
  if (access_asked_) return true;
  Progress as_it_came = progress_;
  as_it_came.recipient = *came_as_;
  const DomainIndex::Found* found = pipeline_.domains_->find(came_as_->domain());
  as_it_came.domain = found != nullptr ? found->domain : nullptr;
  Answer answer = pipeline_.relay_access_->evaluate(as_it_came);
  auto* verdict = std::get_if<Verdict>(&answer);
  auto* refusal = verdict != nullptr ? std::get_if<Reject>(&verdict->what) : nullptr;
  access_asked_ = true;
  if (refusal == nullptr) return true;
  const std::string_view name = pipeline_.relay_access_->name();
  note(name, "reject", std::move(verdict->reason));
  settle(DecisionKind::reject, std::move(refusal->reply), name);
  return false;
}

void Pipeline::Course::finish() {
  if (!done_) take_copy_as_way();
  if (!done_ && passed_over_) {
    note(kSplitHorizon, "reject", "every way left leads back where the mail came from (R7)"_text);
    settle(DecisionKind::reject, replies::routing_loop(), kSplitHorizon);
  }
  if (!done_ && may_relay()) {
    note(kNoStage, "reject", "no stage decided: see routing.stages"_text);
    settle(DecisionKind::reject, replies::no_way(), kNoStage);
  }
  apply_deferrals();
  if (decision_.kind != DecisionKind::route) decision_.also.clear();
}

}  // namespace postern::routing
