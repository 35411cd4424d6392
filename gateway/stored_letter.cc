// SPDX-License-Identifier: Apache-2.0
#include "gateway/stored_letter.h"

#include "gateway/ids.h"
#include "gateway/letter_parts.h"
#include "gateway/received.h"
#include "queue/spool/errors.h"
#include "routing/message_facts.h"
#include "smtp/replies.h"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace postern::gateway {
namespace {

/// How often memory that is short is looked at, and how long a client is kept waiting for it.
constexpr std::chrono::milliseconds kMemoryLook{20};
/// So many octets are not copied to have our field in front of them in one piece.
constexpr std::size_t kOwnChunk = 8192;

}  // namespace

StoredLetter::StoredLetter(std::shared_ptr<const Runtime> runtime,
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

StoredLetter::~StoredLetter() {
  header_.clear();
  count_header();
  if (!settled_) log_all(smtp::Reply(), "abandoned");
}

net::Awaitable<smtp::Reply> StoredLetter::recipient(const smtp::Recipient& recipient) {
  const routing::Request request = request_of(session_, listener_, sender_, recipient.address);
  routing::Decision decision = co_await runtime_->snapshot->pipeline().decide(request);
  smtp::Reply reply = co_await take(recipient, std::move(decision));
  co_return reply;
}

net::Awaitable<smtp::Reply> StoredLetter::take(const smtp::Recipient& recipient,
                                               routing::Decision decision) {
  recording_.add(recipient.address, decision);
  const bool taken = decision.kind == routing::DecisionKind::route ||
                     decision.kind == routing::DecisionKind::discard;
  smtp::Reply reply = taken ? smtp::replies::recipient_ok() : decision.reply;
  const bool deferred = decision.kind == routing::DecisionKind::defer;
  LetterRecipient one{recipient, std::move(decision), {}};
  if (taken) {
    accepted_.push_back(std::move(one));
  } else {
    log(one, reply, deferred ? "deferred" : "refused");
  }
  co_return reply;
}

net::Awaitable<smtp::Reply> StoredLetter::begin_message() {
  Result<spool::Draft> draft = tools_.spool->begin();
  if (!draft) co_return smtp::replies::no_storage();
  draft_.emplace(std::move(*draft));
  id_ = draft_->id().str();
  co_return smtp::replies::ok();
}

void StoredLetter::fail(smtp::Reply why) {
  failure_ = std::move(why);
  header_ = {};
  count_header();
  draft_.reset();
}

void StoredLetter::count_header() {
  const auto now = static_cast<std::int64_t>(header_.size());
  if (now == counted_header_) return;
  tools_.spool->hold_memory(now - counted_header_);
  counted_header_ = now;
}

net::Awaitable<void> StoredLetter::write(std::string_view octets) {
  octets_ += octets.size();
  if (failure_.code() != 0) co_return;
  const bool room = co_await wait_for_memory();
  if (!room) {
    fail(smtp::replies::no_storage());
    co_return;
  }
  if (header_passed_) {
    co_await append(std::string(octets));
    co_return;
  }
  const std::size_t known = header_.size();
  header_.append(octets);
  count_header();
  const std::size_t end = header_end(header_, known);
  const std::size_t limit = listener_.options.profile.limits.header_octets;
  if (end == std::string::npos ? header_.size() > limit : end > limit) {
    fail(smtp::replies::header_too_large());
  } else if (end != std::string::npos) {
    co_await pass_header();
  }
}

/// Bodies in flight have a budget: beyond it a client waits, and at last is told to come again.
net::Awaitable<bool> StoredLetter::wait_for_memory() {
  const LimitsConfig& limits = runtime_->config().limits;
  const auto budget = static_cast<std::int64_t>(limits.body_memory);
  if (tools_.spool->memory_octets() <= budget) co_return true;
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  net::Timer timer(executor);
  const net::TimePoint end = net::Clock::now() + limits.body_memory_wait;
  while (tools_.spool->memory_octets() > budget) {
    if (net::Clock::now() >= end) co_return false;
    timer.expires_after(kMemoryLook);
    co_await timer.async_wait(net::as_result);
  }
  co_return true;
}

net::Awaitable<void> StoredLetter::append(std::string octets) {
  const std::error_code error =
      co_await draft_->append(std::make_shared<const std::string>(std::move(octets)));
  if (error) fail(smtp::replies::no_storage());
}

net::Awaitable<void> StoredLetter::pass_header() {
  header_passed_ = true;
  const std::size_t end = std::min(header_end(header_, 0), header_.size());
  const smtp::Reply why_not = judge(std::string_view(header_).substr(0, end));
  if (why_not.code() != 0) {
    fail(why_not);
    co_return;
  }
  const smtp::Mailbox* only = accepted_.size() == 1 ? &accepted_.front().address.address : nullptr;
  std::string top = received_field(session_,
                                   runtime_->config().hostname,
                                   id_,
                                   sender_.parameters.smtputf8,
                                   only,
                                   std::chrono::system_clock::now());
  header_octets_ = static_cast<std::uint32_t>(top.size() + end);
  std::string rest = std::exchange(header_, {});
  count_header();
  if (rest.size() < kOwnChunk) {
    top += rest;
    rest.clear();
  }
  // Memory is counted by the octets.
  if (rest.capacity() > rest.size() + rest.size() / 4) rest.shrink_to_fit();
  co_await append(std::move(top));
  if (failure_.code() != 0 || rest.empty()) co_return;
  co_await append(std::move(rest));
}

smtp::Reply StoredLetter::judge(std::string_view header) {
  routing::MessageFacts facts = routing::scan_header(header);
  loop_.received = facts.received;
  // RFC 8689 section 4.1: under REQUIRETLS the field is passed on, and ignored.
  tls_not_required_ = facts.tls_not_required && !sender_.parameters.requiretls;
  loop_.trace_fields.assign(facts.trace_fields.begin(), facts.trace_fields.end());
  const routing::Pipeline& pipeline = runtime_->snapshot->pipeline();
  smtp::Reply last;
  bool anybody = false;
  for (LetterRecipient& a : accepted_) {
    const routing::Request request = request_of(session_, listener_, sender_, a.address.address);
    pipeline.judge(request, a.decision, facts, &forged_traces_);
    if (a.decision.kind == routing::DecisionKind::reject) {
      last = a.decision.reply;
    } else {
      anybody = true;
    }
  }
  if (!anybody) return last;
  add_copies(facts);
  return {};
}

/// A copy that circles, or that is there already, is not made: the recipients go their way.
void StoredLetter::add_copies(routing::MessageFacts& facts) {
  std::vector<LetterRecipient> copies = copies_of(accepted_);
  if (!copies.empty() || !facts.trace_fields.empty()) {
    routing::identify(facts);
    loop_.by_id = facts.by_id;
    loop_.by_date = facts.by_date;
  }
  for (LetterRecipient& copy : copies) {
    const routing::Request request = request_of(session_, listener_, sender_, copy.copy_of);
    runtime_->snapshot->pipeline().judge(request, copy.decision, facts, nullptr);
    if (copy.decision.kind == routing::DecisionKind::route) {
      accepted_.push_back(std::move(copy));
    } else {
      log(copy, smtp::Reply(), "discarded");
    }
  }
}

spool::Envelope StoredLetter::make_envelope() const {
  spool::Envelope envelope;
  envelope.sender = sender_;
  for (const LetterRecipient& a : accepted_) {
    spool::Recipient recipient;
    recipient.address = a.address;
    recipient.copy = static_cast<std::uint8_t>(a.decision.copy);
    recipient.copy_of = a.copy_of;
    if (a.decision.kind == routing::DecisionKind::discard) recipient.fate = spool::Fate::discarded;
    envelope.recipients.push_back(std::move(recipient));
  }
  envelope.origin.client = session_.client;
  envelope.origin.helo = session_.helo;
  envelope.origin.listener = listener_.name;
  envelope.origin.role = static_cast<std::uint8_t>(listener_.role);
  envelope.origin.listener_from = listener_.from;
  envelope.origin.identity = session_.identity;
  envelope.origin.tls = session_.tls != nullptr;
  envelope.loop = loop_;
  envelope.tls_not_required = tls_not_required_;
  // Our own field at the front has no bare CR or LF, and no line that begins with a dot.
  envelope.content = content_;
  envelope.received = spool::wall_now();
  envelope.header_octets = header_octets_;
  return envelope;
}

net::Awaitable<smtp::Reply> StoredLetter::finish() {
  if (failure_.code() == 0 && !header_passed_) {  // a message that is header only
    co_await pass_header();
  }
  if (failure_.code() != 0) {
    log_all(failure_, failure_.is_transient() ? "deferred" : "refused");
    co_return failure_;
  }
  std::vector<queue::Routed> routed;
  for (std::uint32_t i = 0; i < accepted_.size(); ++i) {
    const routing::Decision& decision = accepted_[i].decision;
    if (decision.kind != routing::DecisionKind::discard) routed.push_back({i, decision});
  }
  const bool stored =
      std::any_of(accepted_.begin(), accepted_.end(), [this](const LetterRecipient& a) {
        return a.decision.delivery.value_or(listener_.delivery) == Delivery::queue;
      });
  tell_forwarded();
  const queue::Promise promise =
      stored ? queue::Promise::stored : queue::Promise::stored_or_delivered;
  spool::Draft draft = std::move(*draft_);
  draft_.reset();
  const queue::Accepted taken = co_await tools_.engine->accept(
      std::move(draft), make_envelope(), std::move(routed), view_of(runtime_), promise);
  settled_ = true;
  const bool refused_by_hop = taken.reply.is_permanent();  // the engine has logged it
  for (std::uint32_t i = 0; i < accepted_.size() && !refused_by_hop; ++i) {
    if (!taken.reply.is_positive()) {
      log(accepted_[i], taken.reply, "deferred");
    } else if (accepted_[i].decision.kind == routing::DecisionKind::discard) {
      log(accepted_[i], taken.reply, "discarded");
    } else if (taken.message->recipient(i).fate == spool::Fate::pending) {
      log(accepted_[i], taken.reply, "queued");
    }
  }
  co_return taken.reply;
}

/// Lines about deliveries know nothing of the session: this one has the letter's id.
void StoredLetter::tell_forwarded() const {
  if (session_.forwarded.empty()) return;
  SessionRecord record = record_of(session_);
  record.event = "forwarded";
  record.letter = id_;
  record.why = session_.forwarded;
  tools_.log->write(record);
}

void StoredLetter::refused(const smtp::Reply& why) {
  draft_.reset();
  log_all(why, "refused");
}

void StoredLetter::log_all(const smtp::Reply& reply, std::string_view outcome) {
  settled_ = true;
  for (const LetterRecipient& a : accepted_)
    log(a, reply, outcome);
}

void StoredLetter::log(const LetterRecipient& recipient,
                       const smtp::Reply& reply,
                       std::string_view outcome) const {
  LetterRecord record =
      record_of(session_, listener_, sender_, recipient.address.address, recipient.decision);
  record.letter = id_;
  record.octets = octets_;
  if (reply.code() != 0) record.reply = reply.line();
  record.outcome = outcome;
  record.forged_traces = forged_traces_;
  record.took = std::chrono::duration_cast<std::chrono::microseconds>(net::Clock::now() - began_);
  tools_.log->write(record);
}

}  // namespace postern::gateway
