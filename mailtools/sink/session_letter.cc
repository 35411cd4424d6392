// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/session.h"
#include "smtp/replies.h"

#include <algorithm>

// A letter: its envelope, and its octets by DATA (RFC 5321 4.1.1.4) or BDAT (RFC 3030).

namespace postern::sink {
namespace {

/// A slow reader's turns a second.
constexpr std::uint64_t kTurns = 10;

std::string text_of(const smtp::PathView& path) {
  return path.is_null ? std::string() : smtp::Mailbox(path).text();
}

}  // namespace

net::Awaitable<bool> Session::begin_mail(const smtp::Mail& mail) {
  drop_transaction();
  smtp::Reply reply = smtp::replies::sender_ok();
  if (hides_parameter(mail.parameters)) reply = smtp::replies::unknown_parameter();
  if (!shared_.faults.empty()) {
    const std::string from = text_of(mail.path);
    const Verdict verdict = co_await strike(Stage::mail, from, std::nullopt);
    if (verdict.over) co_return false;
    if (verdict.reply) reply = *verdict.reply;
  }
  dialogue_.mail_done(mail, reply, out_);
  if (reply.is_positive()) {
    sender_.path = smtp::ReversePath(mail.path);
    sender_.parameters = own(mail.parameters);
  }
  const bool go_on = co_await stays_after(reply);
  co_return go_on;
}

net::Awaitable<bool> Session::add_recipient(const smtp::Rcpt& rcpt) {
  smtp::Reply reply = smtp::replies::recipient_ok();
  const bool dsn = rcpt.parameters.notify.specified() || !rcpt.parameters.orcpt.empty();
  if (dsn && hides("DSN")) reply = smtp::replies::unknown_parameter();
  smtp::Recipient recipient{smtp::Mailbox(rcpt.path), own(rcpt.parameters)};
  if (!shared_.faults.empty()) {
    const Verdict verdict =
        co_await strike(Stage::rcpt, sender_.path.text(), recipient.address.text());
    if (verdict.over) co_return false;
    if (verdict.reply) reply = *verdict.reply;
  }
  dialogue_.recipient_done(reply, out_);
  if (reply.is_positive()) recipients_.push_back(std::move(recipient));
  const bool go_on = co_await stays_after(reply);
  co_return go_on;
}

/// RFC 5321 3.8: 421 is the last reply.
net::Awaitable<bool> Session::stays_after(const smtp::Reply& reply) {
  if (reply.code() != 421) co_return true;
  co_await flush();
  co_return false;
}

void Session::begin_letter(bool by_chunks) {
  letter_ = Letter{};
  letter_.begun = true;
  letter_.ends = net::Clock::now() + shared_.options.timeouts.message;
  letter_.by_chunks = by_chunks;
  head_.clear();
  if (shared_.observer != nullptr) letter_.writer = shared_.observer->keep(taken());
}

net::Awaitable<bool> Session::receive_data() {
  const Verdict verdict = co_await strike(Stage::data_command, sender_.path.text(), std::nullopt);
  if (verdict.over) co_return false;
  const smtp::Reply reply = verdict.reply.value_or(smtp::replies::ok());
  dialogue_.data_done(reply, out_);
  if (!reply.is_positive()) {
    const bool go_on = co_await stays_after(reply);
    co_return go_on;
  }
  if (drop_) {
    const bool stays = co_await end_stage();
    if (!stays) co_return false;
  }
  const bool flushed = co_await flush();
  if (!flushed) co_return false;
  begin_letter(false);
  letter_.rate = verdict.rate;
  for (bool done = false; !done;) {
    if (input_.empty()) {
      const bool more = co_await read_content();
      if (!more) co_return false;
    }
    const smtp::DataDecoder::Step step = letter_.decoder.decode(input_.data(), input_.size());
    pass_on(std::string_view(input_.data(), step.produced));
    input_.consume(step.consumed);
    done = step.done;
  }
  const bool go_on = co_await end_letter();
  co_return go_on;
}

net::Awaitable<bool> Session::receive_chunk(smtp::ServerDialogue::BeginChunk chunk) {
  smtp::Reply refusal;
  if (!chunk.discard) {
    const Verdict verdict = co_await strike(Stage::bdat, sender_.path.text(), std::nullopt);
    if (verdict.over) co_return false;
    if (verdict.reply) refusal = *verdict.reply;
    if (hides("CHUNKING")) refusal = smtp::replies::not_offered();
    if (refusal.code() == 0 && !letter_.begun) begin_letter(true);
    letter_.rate = verdict.rate;
  }
  const bool read = co_await read_chunk(chunk.size, chunk.discard || refusal.code() != 0);
  if (!read) co_return false;
  if (chunk.discard) co_return true;
  if (refusal.code() == 0 && chunk.last) {
    const bool go_on = co_await end_letter();
    co_return go_on;
  }
  if (refusal.code() == 0) {
    const bool too_large = letter_.octets > shared_.options.max_size;
    dialogue_.chunk_done(
        too_large ? smtp::replies::message_too_large() : smtp::replies::chunk_taken(), out_);
    co_return true;
  }
  if (chunk.last) {
    dialogue_.message_done(refusal, out_);
    drop_transaction();
  } else {
    dialogue_.chunk_done(refusal, out_);
  }
  const bool go_on = co_await stays_after(refusal);
  co_return go_on;
}

/// The octets of one BDAT. They are read whatever becomes of them, or they would be taken for
/// commands.
net::Awaitable<bool> Session::read_chunk(std::uint64_t size, bool discard) {
  while (size > 0) {
    if (input_.empty()) {
      // Who does not pipeline waits for what was said of the commands before.
      const bool flushed = co_await flush();
      if (!flushed) co_return false;
      const bool more = co_await read_content();
      if (!more) co_return false;
    }
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(size, input_.size()));
    const std::string_view octets = input_.view().substr(0, now);
    if (!discard) {
      letter_.scanner.scan(octets);
      pass_on(octets);
    }
    input_.consume(now);
    size -= now;
  }
  co_return true;
}

/// Reads more of a letter, no faster than the letter's rate.
net::Awaitable<bool> Session::read_content() {
  const net::TimePoint deadline = net::Clock::now() + shared_.options.timeouts.data_block;
  if (letter_.rate == 0) {
    const bool more =
        co_await read_more(std::min(deadline, letter_.ends), smtp::InputBuffer::kBlockOctets);
    co_return more;
  }
  const std::uint64_t most =
      std::clamp<std::uint64_t>(letter_.rate / kTurns, 1, smtp::InputBuffer::kBlockOctets);
  const bool more = co_await read_more(deadline, static_cast<std::size_t>(most));
  if (!more) co_return false;
  co_await pause(std::chrono::microseconds(input_.size() * 1'000'000 / letter_.rate));
  co_return !stopping_;
}

void Session::pass_on(std::string_view octets) {
  letter_.octets += octets.size();
  if (shared_.observer == nullptr) return;
  if (head_.size() < kHeadOctets) head_ += octets.substr(0, kHeadOctets - head_.size());
  if (letter_.writer && letter_.octets <= shared_.options.max_size) letter_.writer->write(octets);
}

/// Behind the last octet. False: the session is over.
net::Awaitable<bool> Session::end_letter() {
  stage_said_ = out_.size();
  const Verdict verdict = co_await strike(Stage::data, sender_.path.text(), std::nullopt);
  if (verdict.over) co_return false;
  const smtp::Reply reply = verdict.reply ? *verdict.reply : take_letter();
  dialogue_.message_done(reply, out_);
  drop_transaction();
  const bool go_on = co_await stays_after(reply);
  co_return go_on;
}

smtp::Reply Session::take_letter() {
  letter_.scanner.end();
  if (letter_.octets > shared_.options.max_size) return smtp::replies::message_too_large();
  if (shared_.observer != nullptr && !shared_.observer->taken(taken()))
    return smtp::replies::no_storage();
  shared_.recipients.fetch_add(recipients_.size(), std::memory_order_relaxed);
  shared_.octets.fetch_add(letter_.octets, std::memory_order_relaxed);
  const std::uint64_t before = shared_.messages.fetch_add(1, std::memory_order_relaxed);
  if (shared_.observer != nullptr) shared_.observer->counted(before + 1);
  return smtp::replies::ok();
}

Taken Session::taken() const {
  Taken out{.sender = sender_};
  out.client = stream_.remote();
  out.helo = helo_;
  out.esmtp = esmtp_;
  out.tls = stream_.info();
  out.identity = identity_;
  out.recipients = recipients_;
  out.octets = letter_.octets;
  out.head = head_;
  out.by_chunks = letter_.by_chunks;
  out.violations = letter_.by_chunks ? letter_.scanner.violations() : letter_.decoder.violations();
  out.when = std::chrono::system_clock::now();
  out.moment = net::Clock::now();
  out.writer = letter_.writer.get();
  return out;
}

void Session::drop_transaction() {
  recipients_.clear();
  letter_ = Letter{};
}

}  // namespace postern::sink
