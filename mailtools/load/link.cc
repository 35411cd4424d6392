// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/link.h"

#include "mailtools/load/dial.h"
#include "smtp/client_commands.h"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

// Letters over a connection that stands.

namespace postern::load {
namespace {

using smtp::ClientStep;

/// Chunks that may be under way without a reply.
constexpr std::size_t kAhead = 8;
constexpr std::chrono::seconds kLastWords{1};
constexpr std::chrono::seconds kQuit{5};

}  // namespace

net::Awaitable<Sent> Link::send(Letter letter, std::string_view date) {
  Progress progress;
  progress.counted = letter.counted;
  progress.kept = letters_++ > 0;
  progress.recipients = letter.recipients;
  head_.clear();
  plan_.contents.append_head(letter, date, head_);
  write_commands(letter);
  progress.began = net::Clock::now();
  co_await transfer(letter, progress);
  progress.sent.end = net::Clock::now();
  if (failure_ && !progress.failed && !progress.sent.accepted) {
    // Nothing was said about the letter, or the connection went in its middle.
    const bool closed = failure_.kind == Failure::Kind::closed;
    progress.sent.stale = progress.kept && closed && !progress.mail_taken;
    if (!progress.sent.stale && letter.counted) figures_.errors.add(failure_);
  }
  co_return progress.sent;
}

void Link::write_commands(const Letter& letter) {
  out_.clear();
  commands_.clear();
  answered_ = 0;
  if (must_reset_) {
    out_.append("RSET\r\n");
    end_command(ClientStep::rset);
  }
  out_.append("MAIL FROM:<");
  plan_.contents.append_sender(letter, out_);
  out_.push_back('>');
  if (offered_.size) {
    fmt::format_to(std::back_inserter(out_), " SIZE={}", plan_.contents.octets(letter.part));
  }
  out_.append("\r\n");
  end_command(ClientStep::mail);
  for (std::uint64_t i = 0; i < letter.recipients; ++i) {
    out_.append("RCPT TO:<");
    plan_.contents.append_recipient(letter, i, out_);
    out_.append(">\r\n");
    end_command(ClientStep::rcpt);
  }
  if (plan_.options.bdat) return;
  out_.append("DATA\r\n");
  end_command(ClientStep::data);
}

void Link::end_command(ClientStep step) {
  commands_.emplace_back(step, out_.size());
}

/// Without PIPELINING: each command and its reply. False: no letter follows.
net::Awaitable<bool> Link::envelope(Progress& progress) {
  std::size_t begin = 0;
  for (const auto& [step, end] : commands_) {
    const bool hopeless = progress.recipients_asked == progress.recipients &&
                          progress.recipients_taken == 0 && step != ClientStep::rset;
    if (hopeless) co_return false;
    const bool written = co_await write(std::string_view(out_).substr(begin, end - begin));
    if (!written) co_return false;
    const bool answered = co_await next_answer(progress);
    if (!answered) co_return false;
    if (step == ClientStep::mail && !progress.mail_taken) co_return false;
    begin = end;
  }
  out_.clear();
  co_return progress.recipients_taken > 0;
}

net::Awaitable<bool> Link::transfer(const Letter& letter, Progress& progress) {
  return plan_.options.bdat ? chunks(letter, progress) : data(letter, progress);
}

net::Awaitable<bool> Link::data(const Letter& letter, Progress& progress) {
  if (offered_.pipelining) {
    const bool written = co_await write(out_);
    if (!written) co_return false;
    while (answered_ < commands_.size()) {
      const bool answered = co_await next_answer(progress);
      if (!answered) co_return false;
    }
  } else {
    const bool follows = co_await envelope(progress);
    if (!follows) co_return false;
  }
  if (!progress.go_ahead) co_return false;
  commands_.emplace_back(ClientStep::data_done, 0);
  bool written = false;
  if (progress.recipients_taken > 0) {
    written = co_await write(head_, plan_.contents.data_body(letter.part));
  } else {
    // RFC 2920 3.1: 354 although no recipient was taken.
    written = co_await write(".\r\n");
  }
  if (!written) co_return false;
  progress.written = net::Clock::now();
  const bool answered = co_await next_answer(progress);
  co_return answered;
}

net::Awaitable<bool> Link::chunks(const Letter& letter, Progress& progress) {
  if (!offered_.pipelining) {
    const bool follows = co_await envelope(progress);
    if (!follows) co_return false;
  }
  const std::size_t ahead = offered_.pipelining ? kAhead : 0;
  const std::string_view body = plan_.contents.bdat_body(letter.part);
  const std::size_t total = head_.size() + body.size();
  const std::size_t most = plan_.options.chunk_size == 0 ? total : plan_.options.chunk_size;
  for (std::size_t at = 0; at < total && !progress.chunk_refused;) {
    const std::size_t end = at + std::min(most, total - at);
    smtp::append_bdat(end - at, end == total, out_);
    if (at < head_.size()) out_.append(head_, at, std::min(end, head_.size()) - at);
    const std::size_t from = std::max(at, head_.size()) - head_.size();
    const std::size_t to = std::max(end, head_.size()) - head_.size();
    commands_.emplace_back(end == total ? ClientStep::last_chunk : ClientStep::chunk, 0);
    const bool written = co_await write(out_, body.substr(from, to - from));
    if (!written) co_return false;
    progress.written = net::Clock::now();
    out_.clear();
    at = end;
    while (commands_.size() - answered_ > (at == total ? 0 : ahead)) {
      const bool answered = co_await next_answer(progress);
      if (!answered) co_return false;
    }
  }
  while (answered_ < commands_.size()) {
    const bool answered = co_await next_answer(progress);
    if (!answered) co_return false;
  }
  co_return true;
}

/// Reads the reply to the next command that has none, and sees what it means. False: the connection
/// is gone.
net::Awaitable<bool> Link::next_answer(Progress& progress) {
  const ClientStep step = commands_[answered_].first;
  if (!take_reply(step)) {
    const bool read = co_await read_reply(step);
    if (!read) co_return false;
  }
  judge(step, progress);
  ++answered_;
  if (reply_.code() == 421) {
    fail(Failure{Failure::Kind::refused, step, reply_, {}});
  }
  co_return !failure_;
}

void Link::judge(ClientStep step, Progress& progress) {
  const int klass = reply_.code() / 100;
  if (klass <= 3 && klass != smtp::facts(step).good) {
    return fail(Failure{Failure::Kind::bad_reply, step, reply_, {}});
  }
  const bool good = klass <= 3;
  switch (step) {
    case ClientStep::rset:
      if (!good) return fail(Failure{Failure::Kind::refused, step, reply_, {}});
      must_reset_ = false;
      return;
    case ClientStep::mail:
      progress.mail_taken = good;
      if (good) must_reset_ = true;
      // A kept connection that has had enough of letters: another may take it.
      progress.sent.stale = progress.kept && reply_.code() == 421;
      if (progress.sent.stale) progress.failed = true;
      if (!good) refuse(step, progress);
      return;
    case ClientStep::rcpt:
      return on_rcpt(progress);
    case ClientStep::data:
      progress.go_ahead = good;
      if (!good) refuse(step, progress);
      return;
    case ClientStep::chunk:
      if (good) return;
      progress.chunk_refused = true;
      return refuse(step, progress);
    default:
      return on_end(step, progress);
  }
}

void Link::on_rcpt(Progress& progress) {
  ++progress.recipients_asked;
  if (reply_.is_positive()) {
    ++progress.recipients_taken;
  } else if (progress.mail_taken && progress.counted) {
    figures_.errors.add(Failure{Failure::Kind::refused, ClientStep::rcpt, reply_, {}});
    if (reply_.code() == 421) progress.failed = true;
  }
  if (progress.recipients_asked < progress.recipients) return;
  if (progress.recipients_taken == 0) progress.failed = true;
  if (progress.counted && progress.mail_taken) {
    figures_.rcpt.record(net::Clock::now() - progress.began);
  }
}

void Link::on_end(ClientStep step, Progress& progress) {
  // RFC 3030 2: after a chunk that was refused only RSET helps, and so it does where the last one
  // is refused because no recipient was taken: MAIL was.
  must_reset_ = progress.chunk_refused || (step == ClientStep::last_chunk && !reply_.is_positive());
  if (progress.failed) return;
  if (progress.counted) figures_.data.record(net::Clock::now() - progress.written);
  if (!reply_.is_positive()) return refuse(step, progress);
  progress.sent.accepted = true;
  progress.sent.recipients = progress.recipients_taken;
}

/// One error a letter: what follows from the first is no news.
void Link::refuse(ClientStep step, Progress& progress) {
  if (!progress.failed && progress.counted) {
    figures_.errors.add(Failure{Failure::Kind::refused, step, reply_, {}});
  }
  progress.failed = true;
}

net::Awaitable<bool> Link::write(std::string_view first, std::string_view second) {
  stream_->expires_after(plan_.options.timeout);
  const auto [ec, octets] = co_await stream_->write(first, second);
  if (!ec) co_return true;
  co_await closing_words(ec);
  co_return false;
}

bool Link::take_reply(ClientStep step) {
  if (unread_.empty()) return false;
  const Result<smtp::ReplyParser::Got> got = parser_.parse(unread_);
  if (!got) {
    fail(Failure{Failure::Kind::bad_reply, step, {}, got.error().message()});
    return false;
  }
  if (*got != smtp::ReplyParser::Got::reply) return false;
  reply_ = parser_.take();
  return true;
}

net::Awaitable<bool> Link::read_reply(ClientStep step) {
  while (!failure_) {
    stream_->expires_after(plan_.options.timeout);
    const auto [ec, octets] = co_await stream_->read_some(input_);
    if (ec) {
      fail(failure_of(ec, step));
      co_return false;
    }
    unread_ = std::string_view(input_.data(), octets);
    if (take_reply(step)) co_return true;
  }
  co_return false;
}

/// A server that closes tells why first, and the write may fail before that was read.
net::Awaitable<void> Link::closing_words(net::error_code ec) {
  bool refused = take_refusal();
  if (!refused && !failure_) {
    stream_->expires_after(kLastWords);
    const auto [error, octets] = co_await stream_->read_some(input_);
    if (!error) unread_ = std::string_view(input_.data(), octets);
    refused = take_refusal();
  }
  if (refused) fail(Failure{Failure::Kind::refused, next_step(), reply_, {}});
  fail(failure_of(ec, next_step()));
}

/// A reply that is no good one; those before it say nothing of why the server closes.
bool Link::take_refusal() {
  while (take_reply(next_step())) {
    if (reply_.code() >= 400) return true;
    if (answered_ < commands_.size()) ++answered_;
  }
  return false;
}

/// The step that the next reply is to.
ClientStep Link::next_step() const {
  return answered_ < commands_.size() ? commands_[answered_].first : ClientStep::quit;
}

net::Awaitable<bool> Link::noop() {
  commands_.assign(1, {ClientStep::quit, 0});
  answered_ = 0;
  const bool written = co_await write("NOOP\r\n");
  if (!written) co_return false;
  const bool read = co_await read_reply(ClientStep::quit);
  co_return read&& reply_.is_positive();
}

net::Awaitable<void> Link::drip(Letter letter, std::string date) {
  Progress progress;
  progress.counted = false;
  progress.recipients = letter.recipients;
  head_.clear();
  plan_.contents.append_head(letter, date, head_);
  write_commands(letter);
  const bool follows = co_await envelope(progress);
  if (!follows || !progress.go_ahead) co_return;
  net::Timer timer(executor_);
  const std::string_view body = plan_.contents.data_body(letter.part);
  for (std::size_t i = 0; i < head_.size() + body.size(); ++i) {
    timer.expires_after(std::chrono::seconds(1));
    [[maybe_unused]] const auto waited = co_await timer.async_wait(net::as_result);
    const std::string_view octet =
        i < head_.size() ? std::string_view(head_).substr(i, 1) : body.substr(i - head_.size(), 1);
    const bool written = co_await write(octet);
    if (!written) co_return;
  }
}

net::Awaitable<void> Link::quit() {
  if (is_open()) {
    stream_->expires_after(kQuit);
    const auto [ec, written] = co_await stream_->write("QUIT\r\n");
    if (!ec) {
      [[maybe_unused]] const auto read = co_await stream_->read_some(input_);
    }
  }
  close();
}

}  // namespace postern::load
