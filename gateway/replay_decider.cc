// SPDX-License-Identifier: Apache-2.0
#include "gateway/replay_decider.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <string_view>

namespace postern::gateway {

bool is_policy_stage(std::string_view stage) {
  return stage == "policy" || stage.starts_with("policy:");
}

namespace {

using routing::Decision;
using routing::Request;

/// Questions that wait for somebody's answer at a time.
constexpr std::size_t kSideBySide = 64;

struct Question {
  Request request;
  bool hashed = false;
  ReplayAnswer* answer = nullptr;
};

/// Stages that look at the domain alone, whatever the config says; a policy server is not asked.
bool asks_for_domain_only(std::string_view stage) {
  if (is_policy_stage(stage)) return true;
  constexpr std::array<std::string_view, 9> kStages{"tech_alias",
                                                    "relay_access",
                                                    "custom_route",
                                                    "mailboxes",
                                                    "internal_gateway",
                                                    "external_gateway",
                                                    "dns_mx",
                                                    "loop_guard",
                                                    "split_horizon"};
  return std::find(kStages.begin(), kStages.end(), stage) != kStages.end();
}

const routing::Domain* domain_of(const routing::Config& config, std::string_view name) {
  const auto is_name = [name](const std::string& own) { return smtp::iequals(own, name); };
  for (const routing::Domain& domain : config.domains) {
    if (is_name(domain.name)) return &domain;
    if (std::any_of(domain.aliases.begin(), domain.aliases.end(), is_name)) return &domain;
  }
  return nullptr;
}

/// A stage of a site's own may ask for anything. `bound`: a stage before has bound the recipient.
bool asks_for_local_part(const routing::Config& config,
                         std::string_view stage,
                         const routing::Domain* domain,
                         bool bound) {
  if (asks_for_domain_only(stage)) return false;
  const routing::RecipientsConfig& recipients = config.recipients;
  const bool ours = domain != nullptr;
  const bool directory = ours && (!recipients.directory.empty() || !domain->directory.empty());
  if (stage == "cutover") {
    return ours && !bound &&
           (!domain->cutover_file.empty() || !domain->cutover.empty() || !config.waves.empty());
  }
  if (stage == "address_validation") return directory && recipients.validate;
  if (stage == "unknown_recipient") return directory && !recipients.unknown_redirect.empty();
  return true;
}

bool is_hidden(const routing::Config& config, const Request& request, const Decision& decision) {
  if (!request.recipient.has_domain()) return false;
  const routing::Domain* domain = domain_of(config, request.recipient.domain());
  bool bound = false;
  for (const routing::TraceStep& step : decision.trace) {
    if (asks_for_local_part(config, step.stage, domain, bound)) return true;
    bound = bound || step.verdict == "bind";
  }
  return false;
}

/// "mailboxes" takes whom another stage has bound (R4, R5), or who gets a copy in the old server:
/// that one is the cause.
const routing::TraceStep* cause_of(const Decision& decision) {
  if (decision.trace.empty()) return nullptr;
  const auto is_dual = [&decision](std::string_view stage) {
    return std::any_of(decision.also.begin(), decision.also.end(), [stage](const auto& copy) {
      return copy.kind == routing::CopyKind::dual && copy.stage == stage;
    });
  };
  const auto binds = [&is_dual](const routing::TraceStep& step) {
    return step.verdict == "bind" || (step.verdict == "copy" && is_dual(step.stage));
  };
  const auto bound = std::find_if(decision.trace.begin(), decision.trace.end(), binds);
  const bool is_bound = bound != decision.trace.end() && decision.stage == "mailboxes";
  return is_bound ? &*bound : &decision.trace.back();
}

void answer(const routing::Pipeline& pipeline, const Question& question, const Decision& decision) {
  question.answer->way = way_of(decision);
  if (!question.answer->way.copies.empty()) {
    const routing::Copy& first = decision.also.front();
    question.answer->copies = fmt::format("{}: {}", first.stage, first.reason.view());
  }
  if (const routing::TraceStep* cause = cause_of(decision)) {
    question.answer->stage = cause->stage;
    question.answer->reason = cause->reason.str();
  }
  if (question.hashed) {
    question.answer->hidden = is_hidden(pipeline.config(), question.request, decision);
  }
}

/// Takes questions until none is left.
net::Awaitable<void> ask(const routing::Pipeline& pipeline, std::deque<Question*>& questions) {
  while (!questions.empty()) {
    const Question* question = questions.front();
    questions.pop_front();
    const Decision decision = co_await pipeline.decide(question->request);
    answer(pipeline, *question, decision);
  }
}

void wait_for_answers(const routing::Pipeline& pipeline, std::deque<Question*> questions) {
  net::IoContext context(1);
  const std::size_t workers = std::min(kSideBySide, questions.size());
  for (std::size_t i = 0; i < workers; ++i) {
    boost::asio::co_spawn(context, ask(pipeline, questions), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
  }
  context.run();
}

Request request_of(const RecordedEnvelope& envelope,
                   const ListenerConfig& listener,
                   const smtp::Sender& sender,
                   const smtp::Mailbox& recipient) {
  Request request;
  request.client = envelope.client;
  request.listener = listener.name;
  request.role = listener.role;
  request.listener_from = listener.from;
  request.identity = envelope.identity;
  request.sender = &sender;
  request.recipient = recipient;
  request.size = envelope.size;
  return request;
}

ReplayAnswer no_listener(const std::string& name) {
  ReplayAnswer out;
  out.stage = "listener";
  out.reason = fmt::format("the config has no listener \"{}\"", name);
  return out;
}

}  // namespace

std::vector<ReplayAnswer> ReplayDecider::decide(
    const std::vector<RecordedEnvelope>& envelopes) const {
  std::size_t count = 0;
  for (const RecordedEnvelope& envelope : envelopes)
    count += envelope.recipients.size();
  std::vector<ReplayAnswer> answers(count);
  std::deque<smtp::Sender> senders;
  std::deque<Question> waiting;  // requests are pointed at while they wait
  std::size_t next = 0;
  for (const RecordedEnvelope& envelope : envelopes) {
    const ListenerConfig* listener = config_->find_listener(envelope.listener);
    smtp::Sender& sender = senders.emplace_back();
    if (!envelope.sender.empty()) sender.path = smtp::ReversePath(envelope.sender);
    sender.parameters.size = envelope.size;
    for (const RecordedRecipient& recipient : envelope.recipients) {
      ReplayAnswer& out = answers[next++];
      if (listener == nullptr) {
        out = no_listener(envelope.listener);
        continue;
      }
      Question question{
          request_of(envelope, *listener, sender, recipient.address), envelope.hashed, &out};
      const std::optional<Decision> decision = pipeline_->decide_now(question.request);
      if (decision) {
        answer(*pipeline_, question, *decision);
      } else {
        waiting.push_back(std::move(question));
      }
    }
  }
  std::deque<Question*> questions;
  for (Question& question : waiting)
    questions.push_back(&question);
  if (!questions.empty()) wait_for_answers(*pipeline_, std::move(questions));
  return answers;
}

}  // namespace postern::gateway
