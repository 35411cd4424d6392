// SPDX-License-Identifier: Apache-2.0
#include "smtp/replies.h"
#include "smtp/session/outcome.h"
#include "smtp/session/server_session.h"

#include <algorithm>

// The octets of a message, by DATA (RFC 5321 4.1.1.4) or BDAT (RFC 3030).

namespace postern::smtp {

void ServerSession::begin_incoming() {
  incoming_ = Incoming{};
  incoming_.begun = true;
  incoming_.deadline = net::Clock::now() + options_.timeouts.message;
}

/// Reads more of a message. A client has data_block for each read, `message` for all, and in
/// between it must be at least as fast as `data_rate` says; time in which the gateway lets it wait
/// does not count. False: the session is over.
net::Awaitable<bool> ServerSession::read_content() {
  const net::TimePoint began = net::Clock::now();
  net::TimePoint deadline = std::min(began + options_.timeouts.data_block, incoming_.deadline);
  waits_for_ = "message";
  const std::uint64_t rate = options_.profile.limits.data_rate;
  if (rate > 0) {
    const auto due = std::chrono::milliseconds(incoming_.received * 1000 / rate);
    const net::TimePoint slow = began + options_.timeouts.data_block + due - incoming_.waited;
    if (slow < deadline) {
      deadline = slow;
      waits_for_ = "data_rate";
    }
  }
  const bool more = co_await read_more(deadline);
  incoming_.waited += net::Clock::now() - began;
  co_return more;
}

net::Awaitable<bool> ServerSession::receive_data() {
  const Reply begin = co_await transaction_->begin_message();
  dialogue_.data_done(begin, out_);
  if (!begin.is_positive()) co_return true;
  const bool flushed = co_await flush();
  if (!flushed) co_return false;
  begin_incoming();
  for (bool done = false; !done;) {
    if (input_.empty()) {
      const bool more = co_await read_content();
      if (!more) co_return false;
    }
    const DataDecoder::Step step = incoming_.decoder.decode(input_.data(), input_.size());
    co_await pass_on(std::string_view(input_.data(), step.produced),
                     !incoming_.decoder.violations().any());
    input_.consume(step.consumed);
    incoming_.received += step.consumed;
    done = step.done;
  }
  const Reply reply =
      co_await end_message(incoming_.decoder.violations(), !incoming_.decoder.saw_dots());
  dialogue_.message_done(reply, out_);
  drop_transaction();
  co_return true;
}

net::Awaitable<bool> ServerSession::receive_chunk(ServerDialogue::BeginChunk chunk) {
  // A chunk that has come as a whole is waited for nowhere.
  if (incoming_.begun && net::Clock::now() >= incoming_.deadline) {
    waits_for_ = "message";
    timed_out();
    co_return false;
  }
  Reply refusal;
  if (!chunk.discard && !incoming_.begun) {
    const Reply begin = co_await transaction_->begin_message();
    if (begin.is_positive()) {
      begin_incoming();
    } else {
      refusal = begin;
    }
  }
  const bool discard = chunk.discard || refusal.code() != 0;
  const bool passed = co_await pass_chunk(chunk.size, discard);
  if (!passed) co_return false;
  if (chunk.discard) co_return true;
  if (refusal.code() != 0) {
    dialogue_.chunk_done(refusal, out_);
  } else if (chunk.last) {
    incoming_.scanner.end();
    const Reply reply = co_await end_message(incoming_.scanner.violations(), false);
    dialogue_.message_done(reply, out_);
    drop_transaction();
  } else if (incoming_.too_large) {
    // Said at once: the rest of a message that is refused anyway need not be sent.
    transaction_->refused(replies::message_too_large());
    dialogue_.chunk_done(replies::message_too_large(), out_);
  } else {
    dialogue_.chunk_done(replies::chunk_taken(), out_);
  }
  co_return true;
}

/// The octets of one BDAT. They are read whatever becomes of them, or the dialogue would take them
/// for commands.
net::Awaitable<bool> ServerSession::pass_chunk(std::uint64_t size, bool discard) {
  if (!incoming_.begun) incoming_.deadline = net::Clock::now() + options_.timeouts.message;
  while (size > 0) {
    if (input_.empty()) {
      // A client that waits for the reply to what it sent before (no PIPELINING) must get it.
      const bool flushed = co_await flush();
      if (!flushed) co_return false;
      const bool more = co_await read_content();
      if (!more) co_return false;
    }
    const std::size_t now = static_cast<std::size_t>(std::min<std::uint64_t>(size, input_.size()));
    const std::string_view octets = input_.view().substr(0, now);
    if (!discard) {
      incoming_.scanner.scan(octets);
      const bool clean = dialogue_.is_binary() || !incoming_.scanner.violations().any();
      co_await pass_on(octets, clean);
    }
    input_.consume(now);
    incoming_.received += now;
    size -= now;
  }
  co_return true;
}

/// Hands octets on while the message is still good; a message that is refused already is only
/// counted.
net::Awaitable<void> ServerSession::pass_on(std::string_view octets, bool clean) {
  incoming_.octets += octets.size();
  if (incoming_.octets > options_.profile.limits.message_octets) incoming_.too_large = true;
  if (octets.empty() || !clean || incoming_.too_large) co_return;
  co_await transaction_->write(octets);
}

/// `no_dots`: it is known that no line begins with one.
net::Awaitable<Reply> ServerSession::end_message(const ContentViolations& violations,
                                                 bool no_dots) {
  Reply refusal;
  if (incoming_.too_large) {
    refusal = replies::message_too_large();
  } else if (!dialogue_.is_binary() && (violations.bare_cr || violations.bare_lf)) {
    refusal = replies::bare_line_end();
  } else if (!dialogue_.is_binary() && violations.nul) {
    refusal = replies::nul_octet();
  }
  if (refusal.code() != 0) {
    transaction_->refused(refusal);
    count_outcome("postern_messages_total", refusal);
    co_return refusal;
  }
  transaction_->checked({!violations.bare_cr && !violations.bare_lf, no_dots});
  const Reply reply = co_await transaction_->finish();
  count_outcome("postern_messages_total", reply);
  co_return reply;
}

}  // namespace postern::smtp
