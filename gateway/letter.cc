// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter.h"

#include "gateway/ids.h"
#include "gateway/letter_parts.h"
#include "gateway/received.h"
#include "routing/message_facts.h"
#include "smtp/replies.h"

namespace postern::gateway {
namespace {

/// What our own fields may add to a message, for SIZE towards the next hop.
constexpr std::uint64_t kAddedOctets = 1024;

}  // namespace

Letter::Letter(std::shared_ptr<const Runtime> runtime,
               const ListenerRuntime& listener,
               const smtp::SessionFacts& session,
               const smtp::Sender& sender,
               LetterTools tools)
    : runtime_(std::move(runtime)),
      listener_(listener),
      session_(session),
      sender_(sender),
      tools_(tools),
      recording_(tools.recorder, runtime_->config(), listener, session, sender),
      id_(new_id()),
      began_(net::Clock::now()) {}

Letter::~Letter() {
  if (!settled_) log_all(smtp::Reply(), "abandoned");
}

routing::Request Letter::request_for(const smtp::Mailbox& recipient) const {
  return request_of(session_, listener_, sender_, recipient);
}

net::Awaitable<smtp::Reply> Letter::recipient(const smtp::Recipient& recipient) {
  const routing::Request request = request_for(recipient.address);
  routing::Decision decision = co_await runtime_->snapshot->pipeline().decide(request);
  smtp::Reply reply = co_await take(recipient, std::move(decision));
  co_return reply;
}

net::Awaitable<smtp::Reply> Letter::take(const smtp::Recipient& recipient,
                                         routing::Decision decision) {
  const bool forks = !decision.also.empty();
  if (forks && accepted_.empty() && !stored_) stored_ = make_stored();
  if (stored_) {
    smtp::Reply said = co_await stored_->take(recipient, std::move(decision));
    co_return said;
  }
  recording_.add(recipient.address, decision);
  smtp::Reply reply = decision.reply;
  std::string_view outcome = decision.kind == routing::DecisionKind::defer ? "deferred" : "refused";
  if (forks) {
    reply = smtp::replies::other_next_hop();
    outcome = "deferred";
  } else if (decision.kind == routing::DecisionKind::route) {
    reply = co_await add_route(recipient, decision);
    if (reply.is_transient()) outcome = "deferred";
  } else if (decision.kind == routing::DecisionKind::discard) {
    reply = smtp::replies::recipient_ok();
  }
  if (reply.is_positive()) {
    accepted_.push_back(Accepted{recipient.address, recipient.parameters, decision});
    settled_ = false;
  } else {
    log(recipient.address, decision, reply, outcome);
  }
  co_return reply;
}

net::Awaitable<smtp::Reply> Letter::add_route(const smtp::Recipient& recipient,
                                              const routing::Decision& decision) {
  if (delivery_ && !(target_ == decision.target)) co_return smtp::replies::other_next_hop();
  if (!delivery_) {
    smtp::Sender out = sender_;
    if (out.parameters.size) *out.parameters.size += kAddedOctets;
    delivery_ =
        std::make_unique<queue::HopTransaction>(*tools_.pool, decision.target, std::move(out));
    target_ = decision.target;
  }
  const smtp::Recipient out{decision.recipient_out, recipient.parameters};
  const smtp::Reply reply = co_await delivery_->recipient(out);
  if (!reply.is_positive() && accepted_.empty()) {
    // Nobody is on this way yet: the next recipient may take another.
    drop_delivery();
  }
  co_return reply;
}

void Letter::drop_delivery() {
  if (delivery_) last_report_ = delivery_->report();
  delivery_.reset();
}

net::Awaitable<smtp::Reply> Letter::begin_message() {
  if (stored_) {
    const smtp::Reply said = co_await stored_->begin_message();
    co_return said;
  }
  co_return smtp::replies::ok();
}

net::Awaitable<void> Letter::write(std::string_view octets) {
  octets_ += octets.size();
  if (stored_) {
    co_await stored_->write(octets);
    co_return;
  }
  if (stage_ == Stage::passing) {
    const bool taken = co_await delivery_->write(octets);
    if (!taken) stage_ = Stage::swallowing;
    co_return;
  }
  if (stage_ == Stage::swallowing) co_return;
  const std::size_t known = header_.size();
  header_.append(octets);
  const std::size_t end = header_end(header_, known);
  const std::size_t limit = listener_.options.profile.limits.header_octets;
  if (end == std::string::npos ? header_.size() > limit : end > limit) {
    failure_ = smtp::replies::header_too_large();
    stage_ = Stage::swallowing;
    drop_delivery();
  } else if (end != std::string::npos) {
    co_await pass_header();
  }
}

net::Awaitable<void> Letter::pass_header() {
  stage_ = Stage::swallowing;
  const std::size_t end = std::min(header_end(header_, 0), header_.size());
  const routing::MessageFacts facts =
      routing::scan_header(std::string_view(header_).substr(0, end));
  if (has_come_back(facts)) {
    co_await store_from_header();
    co_return;
  }
  failure_ = judge(facts);
  if (failure_.code() != 0) {
    drop_delivery();
    co_return;
  }
  if (!delivery_) co_return;  // every recipient is discarded
  const smtp::Reply begun = co_await delivery_->begin();
  if (!begun.is_positive()) {
    failure_ = begun;
    co_return;
  }
  std::vector<const routing::Decision*> decisions;
  for (const Accepted& a : accepted_) {
    if (a.decision.kind == routing::DecisionKind::route) decisions.push_back(&a.decision);
  }
  const smtp::Mailbox* only = accepted_.size() == 1 ? &accepted_.front().address : nullptr;
  std::string top = received_field(session_,
                                   runtime_->config().hostname,
                                   id_,
                                   sender_.parameters.smtputf8,
                                   only,
                                   std::chrono::system_clock::now());
  top += runtime_->snapshot->pipeline().trace_fields(decisions, facts);
  top += header_;
  header_ = std::string();
  const bool taken = co_await delivery_->write(top);
  if (taken) stage_ = Stage::passing;
}

/// An empty reply, or why the message may not go on. One recipient that circles stops the letter
/// for all: there is one reply to a message, and cut-through has no other way to tell.
smtp::Reply Letter::judge(const routing::MessageFacts& facts) {
  for (const Accepted& a : accepted_) {
    if (a.decision.kind != routing::DecisionKind::route) continue;
    const routing::Request request = request_for(a.address);
    smtp::Reply verdict =
        runtime_->snapshot->pipeline().check_message(request, a.decision, facts, &forged_traces_);
    if (!verdict.is_positive()) return verdict;
  }
  return {};
}

void Letter::checked(const smtp::ContentFacts& facts) {
  if (stored_) stored_->checked(facts);
}

net::Awaitable<smtp::Reply> Letter::finish() {
  if (stage_ == Stage::header && !stored_) {  // a message that is header only
    co_await pass_header();
  }
  if (stored_) {
    const smtp::Reply said = co_await stored_->finish();
    co_return said;
  }
  smtp::Reply reply = failure_;
  if (reply.code() == 0 && delivery_) reply = co_await delivery_->finish();
  if (reply.code() == 0) reply = smtp::replies::message_discarded();
  log_all(reply, reply.is_positive() ? "delivered" : reply.is_transient() ? "deferred" : "refused");
  co_return reply;
}

void Letter::refused(const smtp::Reply& why) {
  if (stored_) return stored_->refused(why);
  drop_delivery();
  log_all(why, "refused");
}

void Letter::log_all(const smtp::Reply& reply, std::string_view outcome) {
  settled_ = true;
  for (const Accepted& a : accepted_) {
    const bool dropped = a.decision.kind == routing::DecisionKind::discard && reply.is_positive();
    log(a.address, a.decision, reply, dropped ? "discarded" : outcome);
  }
}

void Letter::log(const smtp::Mailbox& recipient,
                 const routing::Decision& decision,
                 const smtp::Reply& reply,
                 std::string_view outcome) const {
  LetterRecord record = record_of(session_, listener_, sender_, recipient, decision);
  record.letter = id_;
  record.octets = octets_;
  const queue::HopReport& report = delivery_ ? delivery_->report() : last_report_;
  if (decision.kind == routing::DecisionKind::route) {
    record.host = report.host;
    record.tls = describe(report);
  }
  if (reply.code() != 0) record.reply = reply.line();
  record.outcome = outcome;
  record.forged_traces = forged_traces_;
  record.took = std::chrono::duration_cast<std::chrono::microseconds>(net::Clock::now() - began_);
  tools_.log->write(record);
}

}  // namespace postern::gateway
