// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_transaction.h"

#include "queue/body_writer.h"
#include "queue/failure_policy.h"
#include "queue/hop_answers.h"
#include "queue/hop_pool_impl.h"
#include "queue/hop_search.h"
#include "smtp/data_decoder.h"

#include <algorithm>
#include <utility>

namespace postern::queue {
using smtp::Reply;

/// One message's delivery; see the header for the calls' contract.
struct HopTransaction::State {
  State(HopPool& hops, const routing::Target& target, smtp::Sender from, const LetterFacts& facts)
      : search(hops.impl(), target, tls_asked(from.parameters.requiretls, facts.tls_not_required)),
        sender(std::move(from)),
        content(facts.content) {}
  ~State() {
    // Before the message RSET undoes it, which the pool says; within, only a closed connection.
    if (phase == Phase::envelope) lease.keep();
  }
  State(State&&) = delete;

  enum class Phase : std::uint8_t {
    envelope,  ///< MAIL and RCPT
    body,
    over,  ///< `outcome` says how
  };

  net::Awaitable<Reply> ask(const smtp::Recipient& recipient);
  net::Awaitable<std::vector<Reply>> ask_all(const std::vector<smtp::Recipient>& all);
  net::Awaitable<void> end_empty_body();
  net::Awaitable<bool> get_ready();
  bool go_on_after_loss();
  std::vector<Reply> answered_all(std::size_t count);
  net::Awaitable<Reply> begin();
  net::Awaitable<bool> write(std::string_view octets);
  net::Awaitable<Reply> finish();

  void adopt(HopLease found);
  bool too_many() const;
  bool died_before_an_answer() const;
  Remedy after_loss() const;
  HopTrouble trouble_of_loss() const;
  Reply answered();
  Reply violation(std::string_view octets);
  Reply note(Reply reply);
  Reply end(Reply reply);

  HopSearch search;
  smtp::Sender sender;
  HopLease lease;
  std::unique_ptr<BodyWriter> body;
  const smtp::ContentFacts content;  ///< what is known of it
  smtp::ContentScanner scanner;
  HopReport report;
  Reply outcome;
  Phase phase = Phase::envelope;
  Progress progress = Progress::nothing;
  bool mail_answered = false;
  std::size_t asked = 0;  ///< RCPTs on this connection
  std::uint64_t octets_sent = 0;
  std::optional<Reply> data_answer;  ///< DATA was said with the recipients
};

Reply HopTransaction::State::note(Reply reply) {
  report.reply = reply;
  return reply;
}

/// Nothing more can be done: every later call gives `reply`.
Reply HopTransaction::State::end(Reply reply) {
  phase = Phase::over;
  outcome = reply;
  return note(std::move(reply));
}

void HopTransaction::State::adopt(HopLease found) {
  lease = std::move(found);
  const smtp::Capabilities& offered = lease.dialogue().capabilities();
  report.host = lease->address();
  report.tls.reset();
  if (const tls::Info* const info = lease->session.tls()) report.tls = *info;
  report.tls_fallback = lease->session.tls_fallback();
  report.chunking = offered.chunking && lease->candidate.chunking;
  report.dsn = offered.dsn;
  report.reused = lease->reused;
  report.tls_waived = lease->candidate.tls_waived;
  mail_answered = false;
  asked = 0;
}

bool HopTransaction::State::too_many() const {
  if (!lease) return false;
  const std::uint64_t limit = lease->candidate.limits.recipients_per_transaction;
  return asked >= std::min(limit, lease.dialogue().capabilities().rcpt_max.value_or(limit));
}

bool HopTransaction::State::died_before_an_answer() const {
  const auto& answers = lease.dialogue().answers();
  return !mail_answered && (answers.empty() || answers.front().reply.code() == 421);
}

Remedy HopTransaction::State::after_loss() const {
  Trouble trouble;
  trouble.scope = Scope::host;
  trouble.failure = lease->session.failure();
  trouble.progress = progress;
  trouble.reused = lease->reused && died_before_an_answer();
  trouble.hosts_left = search.hosts_left();
  return remedy(trouble, lease->candidate.label);
}

HopTrouble HopTransaction::State::trouble_of_loss() const {
  const smtp::ClientFailure& failure = lease->session.failure();
  if (failure.kind == smtp::ClientFailure::Kind::closing || failure.reply.code() == 421) {
    return HopTrouble::busy;
  }
  return progress == Progress::nothing ? HopTrouble::dead : HopTrouble::broke_off;
}

Reply HopTransaction::State::answered() {
  const auto& answers = lease.dialogue().answers();
  if (!mail_answered && !answers.front().reply.is_positive()) {
    const Reply refused = given_back(answers.front().reply);
    lease.keep();
    return end(refused);
  }
  mail_answered = true;
  ++asked;
  const Reply& reply = answers.back().reply;
  if (reply.is_positive()) progress = Progress::envelope;
  return note(given_back(reply));
}

/// A connection on which MAIL is said or about to be. False: there is none, `outcome` says why.
net::Awaitable<bool> HopTransaction::State::get_ready() {
  if (lease) co_return true;
  for (;;) {
    Found found = co_await search.next();
    if (!found.lease) {
      report.host = std::move(found.host);
      // A fact of DNS (no such domain, null MX) is an answer about the address, and no news of a
      // host.
      if (!found.refusal.is_permanent()) {
        report.trouble = is_busy(found.refusal) ? HopTrouble::busy : HopTrouble::dead;
      }
      end(std::move(found.refusal));
      co_return false;
    }
    adopt(std::move(found.lease));
    const Reply lack = lacking(sender.parameters,
                               lease.dialogue().capabilities(),
                               lease->candidate.chunking,
                               lease->candidate.tls->secure && lease->session.tls() != nullptr);
    if (lack.code() == 0) break;
    lease.keep();
    if (!another_may_keep_it(lack)) {
      end(lack);
      co_return false;
    }
    search.note_lack(lack);
  }
  lease.dialogue().mail(sender);
  ++lease->messages;
  co_return true;
}

/// The connection was lost within the envelope. False: that was the last try.
bool HopTransaction::State::go_on_after_loss() {
  const Remedy cure = after_loss();
  const HopTrouble trouble = trouble_of_loss();
  const Candidate candidate = lease->candidate;
  if (cure.remember_down) search.pool()->mark_down(*lease);
  lease.drop();
  switch (cure.next) {
    case Remedy::Next::give_back:
      report.trouble = trouble;
      end(cure.reply);
      return false;
    case Remedy::Next::reopen:
      search.again(candidate);
      return true;
    case Remedy::Next::other_host:
      search.note(cure.reply);
      return true;
  }
  return false;
}

net::Awaitable<Reply> HopTransaction::State::ask(const smtp::Recipient& recipient) {
  for (;;) {
    const bool ready = co_await get_ready();
    if (!ready) co_return outcome;
    lease.dialogue().rcpt(recipient);
    const bool alive = co_await lease->session.converse();
    if (alive) co_return answered();
    if (!go_on_after_loss()) co_return outcome;
  }
}

std::vector<Reply> HopTransaction::State::answered_all(std::size_t count) {
  const auto& answers = lease.dialogue().answers();
  if (!answers.front().reply.is_positive()) {
    const Reply refused = given_back(answers.front().reply);
    lease.keep();
    return {count, end(refused)};
  }
  mail_answered = true;
  asked += count;
  std::vector<Reply> out;
  out.reserve(count);
  for (std::size_t i = 1; i <= count; ++i) {
    out.push_back(note(given_back(answers[i].reply)));
    if (out.back().is_positive()) progress = Progress::envelope;
  }
  if (answers.size() > count + 1) data_answer = answers[count + 1].reply;
  return out;
}

/// 354 was said although nobody is to get the message (RFC 2920 3.1): an empty one ends it.
net::Awaitable<void> HopTransaction::State::end_empty_body() {
  BodyWriter nothing(lease->session, false);
  co_await nothing.finish();
  lease.drop();
}

net::Awaitable<std::vector<Reply>> HopTransaction::State::ask_all(
    const std::vector<smtp::Recipient>& all) {
  for (;;) {
    const bool ready = co_await get_ready();
    if (!ready) break;
    for (const smtp::Recipient& recipient : all)
      lease.dialogue().rcpt(recipient);
    if (lease.dialogue().capabilities().pipelining && !report.chunking) lease.dialogue().data();
    const bool alive = co_await lease->session.converse();
    if (alive) {
      std::vector<Reply> replies = answered_all(all.size());
      const bool body_is_open = lease && lease.dialogue().in_body();
      if (body_is_open && progress == Progress::nothing) {
        co_await end_empty_body();
      }
      co_return replies;
    }
    if (!go_on_after_loss()) break;
  }
  std::vector<Reply> failed(all.size(), outcome);
  co_return failed;
}

net::Awaitable<Reply> HopTransaction::State::begin() {
  if (!report.chunking) {
    if (!data_answer) {
      lease.dialogue().data();
      const bool alive = co_await lease->session.converse();
      if (!alive) {
        const Remedy cure = after_loss();
        report.trouble = trouble_of_loss();
        lease.drop();
        co_return end(cure.reply);
      }
      data_answer = lease.dialogue().answers().front().reply;
    }
    const Reply reply = *data_answer;
    if (reply.code() / 100 != 3) {
      lease.keep();
      co_return end(given_back(reply));
    }
  }
  phase = Phase::body;
  body = std::make_unique<BodyWriter>(lease->session, report.chunking, content.no_dots);
  co_return Reply(250, {2, 0, 0}, "go ahead"_text);
}

/// Why these octets may not go to this server; code 0: they may.
Reply HopTransaction::State::violation(std::string_view octets) {
  const smtp::Capabilities& offered = lease.dialogue().capabilities();
  const bool only_7bit =
      sender.parameters.body == smtp::Body::eight_bit_mime && !offered.eight_bit_mime;
  if (only_7bit || !content.clean_lines) scanner.scan(octets);
  octets_sent += octets.size();
  if (only_7bit && scanner.saw_8bit()) {
    return Reply(554, {5, 6, 3}, "the next hop does not support 8BITMIME"_text);
  }
  if (offered.max_size && octets_sent > *offered.max_size) {
    return Reply(552, {5, 3, 4}, "the message is too large for the next hop"_text);
  }
  // A next hop may read a bare LF as the end of a line and a dot behind it as the end of DATA.
  const smtp::ContentViolations& found = scanner.violations();
  if (!report.chunking && (found.bare_lf || found.bare_cr)) {
    return Reply(550, {5, 6, 11}, "bare CR or LF in the message"_text);
  }
  return {};
}

net::Awaitable<bool> HopTransaction::State::write(std::string_view octets) {
  const Reply why_not = violation(octets);
  if (why_not.code() != 0) {
    lease.drop();
    end(why_not);
    co_return false;
  }
  progress = Progress::body;
  const bool taken = co_await body->write(octets);
  if (taken) co_return true;
  const smtp::ClientDialogue& dialogue = lease.dialogue();
  // Chunks behind the refused one are answered too; then the connection is good for another MAIL.
  const bool refused = dialogue.chunk_refused();
  const bool settled = co_await lease->session.settle(0);
  if (refused) {
    end(given_back(*word_on_message(dialogue)));
  } else {
    report.trouble = trouble_of_loss();
    end(after_loss().reply);
  }
  lease.end(refused && settled);
  co_return false;
}

net::Awaitable<Reply> HopTransaction::State::finish() {
  scanner.end();
  const Reply why_not = violation({});
  if (why_not.code() != 0) {
    lease.drop();
    co_return end(why_not);
  }
  progress = Progress::done;
  const bool alive = co_await body->finish();
  // A server that answered and then broke the connection has answered.
  const Reply* const word = word_on_message(lease.dialogue());
  const Reply reply = word != nullptr ? given_back(*word) : after_loss().reply;
  if (word == nullptr) report.trouble = trouble_of_loss();
  end(reply);
  lease.end(alive);
  co_return reply;
}

HopTransaction::HopTransaction(HopPool& pool,
                               const routing::Target& target,
                               smtp::Sender sender,
                               const LetterFacts& facts)
    : state_(std::make_unique<State>(pool, target, std::move(sender), facts)) {}

HopTransaction::~HopTransaction() = default;

net::Awaitable<Reply> HopTransaction::recipient(const smtp::Recipient& recipient) {
  State& s = *state_;
  if (s.phase != State::Phase::envelope) co_return s.outcome;
  if (s.too_many()) {
    co_return s.note(Reply(452, {4, 5, 3}, "too many recipients for the next hop"_text));
  }
  const Reply reply = co_await s.ask(recipient);
  co_return reply;
}

net::Awaitable<std::vector<Reply>> HopTransaction::recipients(std::vector<smtp::Recipient> all) {
  std::vector<Reply> replies = co_await state_->ask_all(all);
  co_return replies;
}

net::Awaitable<Reply> HopTransaction::begin() {
  State& s = *state_;
  if (s.phase == State::Phase::over) co_return s.outcome;
  if (s.progress != Progress::envelope) {
    co_return Reply(554, {5, 5, 1}, "no valid recipients"_text);
  }
  const Reply reply = co_await s.begin();
  co_return reply;
}

net::Awaitable<bool> HopTransaction::write(std::string_view octets) {
  if (state_->phase != State::Phase::body) co_return false;
  const bool taken = co_await state_->write(octets);
  co_return taken;
}

net::Awaitable<Reply> HopTransaction::finish() {
  if (state_->phase == State::Phase::over) co_return state_->outcome;
  if (state_->phase != State::Phase::body) {
    co_return Reply(554, {5, 5, 1}, "no message was begun"_text);
  }
  const Reply reply = co_await state_->finish();
  co_return reply;
}

const HopReport& HopTransaction::report() const {
  return state_->report;
}

}  // namespace postern::queue
