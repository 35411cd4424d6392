// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/session.h"

#include "mailtools/sink/said.h"
#include "smtp/replies.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>

namespace postern::sink {
namespace {

/// For a client that is told 421 and may not be listening any more.
constexpr std::chrono::seconds kGoodbye{5};

smtp::ServerProfile profile_of(const SinkOptions& options, const Accounts& accounts) {
  constexpr unsigned kAny = std::numeric_limits<unsigned>::max();
  smtp::ServerProfile out;
  out.hostname = options.hostname;
  out.limits.recipients = options.max_recipients;
  out.limits.message_octets = options.max_size;
  // Nothing is guarded here: who tests sends the same mistake a thousand times.
  out.limits.errors = out.limits.refused_recipients = kAny;
  out.limits.idle_commands = out.limits.messages = kAny;
  out.offer_starttls = options.tls && !options.implicit_tls;
  out.offer_binarymime = true;
  out.auth_mechanisms = accounts.mechanisms(false);
  out.auth_required = options.auth_required;
  return out;
}

/// The stage of a line that a fault can take the place of before the dialogue has seen it.
std::optional<Stage> early_stage(std::string_view line) {
  const std::string_view verb = line.substr(0, line.find(' '));
  constexpr std::pair<std::string_view, Stage> kEarly[] = {
      {"EHLO",     Stage::helo    },
      {"HELO",     Stage::helo    },
      {"STARTTLS", Stage::starttls},
      {"AUTH",     Stage::auth    },
      {"RSET",     Stage::rset    },
      {"QUIT",     Stage::quit    },
  };
  for (const auto& [name, stage] : kEarly)
    if (smtp::iequals(name, verb)) return stage;
  return std::nullopt;
}

}  // namespace

Session::Session(net::Socket socket, Shared& shared)
    : shared_(shared),
      stream_(std::move(socket)),
      client_(plain_ip(stream_.remote().address())),
      profile_(profile_of(shared.options, shared.accounts)),
      dialogue_(profile_),
      pause_(stream_.executor()) {}

net::Awaitable<void> Session::run() {
  const bool opened = co_await open();
  if (opened) {
    co_await serve();
  }
  drop_transaction();
  if (stopping_ && stream_.is_open()) {
    smtp::replies::shutting_down().append_to(out_);
    stream_.expires_after(kGoodbye);
    co_await stream_.write(out_);
  }
  stream_.close();
}

void Session::stop() {
  stopping_ = true;
  pause_.cancel();
  if (waiting_) stream_.expires_at(net::Clock::now());
}

net::Awaitable<bool> Session::open() {
  follow_extensions();
  if (shared_.options.implicit_tls) {
    const Verdict verdict = co_await strike(Stage::starttls, std::nullopt, std::nullopt);
    if (verdict.over) co_return false;
    const bool secured = co_await upgrade_to_tls(verdict.tls_fail);
    if (!secured) co_return false;
  }
  const Verdict verdict = co_await strike(Stage::connect, std::nullopt, std::nullopt);
  if (verdict.over) co_return false;
  if (verdict.reply) {
    verdict.reply->append_to(out_);
    co_await flush();
    co_return false;
  }
  dialogue_.greet(out_);
  const bool go_on = co_await end_stage();
  co_return go_on;
}

net::Awaitable<void> Session::serve() {
  for (;;) {
    const bool got_line = co_await read_line();
    if (!got_line) co_return;
    follow_extensions();
    drop_.reset();
    stage_said_ = out_.size();
    const bool go_on = co_await on_line();
    if (!go_on) co_return;
    if (drop_) {
      const bool stays = co_await end_stage();
      if (!stays) co_return;
    }
  }
}

/// One line, at the front of the input. False: the session is over.
net::Awaitable<bool> Session::on_line() {
  if (line_.kind != Line::Kind::complete) {
    const bool too_long = line_.kind == Line::Kind::too_long;
    const smtp::ServerDialogue::Effect effect =
        too_long ? dialogue_.on_long_line(out_)
                 : dialogue_.on_bare_lf(line_.text(input_.view()), out_);
    const bool go_on = co_await perform(effect);
    co_return go_on;
  }
  const std::string_view line = line_.text(input_.view());
  bool tls_fails = false;
  if (!shared_.faults.empty()) {
    if (const std::optional<Stage> stage = early_stage(line)) {
      const Verdict verdict = co_await strike(*stage, std::nullopt, std::nullopt);
      if (verdict.over) co_return false;
      if (verdict.reply) {
        verdict.reply->append_to(out_);
        input_.consume(line_.octets);
        if (verdict.reply->code() != 421) co_return true;
        co_await flush();
        co_return false;
      }
      tls_fails = verdict.tls_fail;
    }
  }
  const smtp::ServerDialogue::Effect effect = dialogue_.on_line(line, out_);
  if (std::holds_alternative<smtp::ServerDialogue::UpgradeTls>(effect)) {
    // RFC 3207 5: commands in the same packet would be taken for part of the secured session.
    const bool injected = input_.size() > line_.octets;
    if (injected) {
      out_.resize(stage_said_);
      smtp::replies::starttls_injection().append_to(out_);
    }
    input_.consume(line_.octets);
    const bool stays = co_await end_stage();
    if (!stays) co_return false;
    const bool flushed = co_await flush();
    if (!flushed || injected) co_return false;
    const bool secured = co_await upgrade_to_tls(tls_fails);
    co_return secured;
  }
  const bool go_on = co_await perform(effect);
  co_return go_on;
}

/// Does what the dialogue wants. False: the session is over.
net::Awaitable<bool> Session::perform(const smtp::ServerDialogue::Effect& effect) {
  using D = smtp::ServerDialogue;
  bool go_on = true;
  std::string mechanism;
  std::optional<std::string> initial;
  if (const auto* mail = std::get_if<D::BeginMail>(&effect)) {
    go_on = co_await begin_mail(mail->mail);
  } else if (const auto* rcpt = std::get_if<D::AddRecipient>(&effect)) {
    go_on = co_await add_recipient(rcpt->rcpt);
  } else if (const auto* greeted = std::get_if<D::Greeted>(&effect)) {
    helo_ = std::string(greeted->domain);
    esmtp_ = greeted->esmtp;
    if (esmtp_) hide_lines(stage_said_);
    drop_transaction();
  } else if (std::holds_alternative<D::ResetTransaction>(effect)) {
    drop_transaction();
  } else if (const auto* asked = std::get_if<D::Authenticate>(&effect)) {
    mechanism = std::string(asked->mechanism);
    if (asked->has_initial) initial = std::string(asked->initial);
  }
  if (!go_on) co_return false;
  // Views into the line end here: what follows reads on.
  input_.consume(line_.octets);
  if (std::holds_alternative<D::BeginData>(effect)) {
    go_on = co_await receive_data();
  } else if (const auto* chunk = std::get_if<D::BeginChunk>(&effect)) {
    go_on = co_await receive_chunk(*chunk);
  } else if (std::holds_alternative<D::Authenticate>(effect)) {
    go_on = co_await authenticate(std::move(mechanism), std::move(initial));
  } else if (std::holds_alternative<D::Close>(effect)) {
    const bool stays = co_await end_stage();
    if (stays) {
      co_await flush();
    }
    go_on = false;
  }
  co_return go_on;
}

/// Brings one line, and nothing else, to the front of the input. False: the session is over.
net::Awaitable<bool> Session::read_line() {
  net::TimePoint deadline{};  // one a command: octets that trickle in do not move it
  for (;;) {
    line_ = input_.next_line(profile_.limits.auth_line_octets);
    if (line_.kind != Line::Kind::unfinished) co_return true;
    const bool flushed = co_await flush();
    if (!flushed || stopping_) co_return false;
    if (deadline == net::TimePoint())
      deadline = net::Clock::now() + shared_.options.timeouts.command;
    const bool more = co_await read_more(deadline, smtp::InputBuffer::kBlockOctets);
    if (!more) co_return false;
  }
}

/// Reads at least one octet more, and `most` at most. False: the client is gone or too slow, or
/// stop() was called.
net::Awaitable<bool> Session::read_more(net::TimePoint deadline, std::size_t most) {
  stream_.expires_at(deadline);
  if (stopping_) co_return false;
  waiting_ = true;
  // Between letters a session holds no block; within one the next octets are close, and waiting for
  // them costs system calls of its own.
  if (input_.empty() && !dialogue_.in_transaction()) {
    const net::error_code waited = co_await stream_.wait_readable();
    if (waited) {
      waiting_ = false;
      co_return false;
    }
  }
  std::span<char> space = input_.space();
  space = space.first(std::min(space.size(), most));
  const tls::Stream::IoResult read = co_await stream_.read_some(space);
  waiting_ = false;
  input_.commit(read.ec ? 0 : read.octets);
  if (read.ec) input_.consume(0);
  co_return !read.ec;
}

net::Awaitable<bool> Session::flush() {
  if (out_.empty()) co_return true;
  if (hides("ENHANCEDSTATUSCODES")) drop_statuses(out_);
  if (const std::uint64_t refusals = count_refusals(out_))
    shared_.refused.fetch_add(refusals, std::memory_order_relaxed);
  stream_.expires_after(shared_.options.timeouts.flush);
  const tls::Stream::IoResult written = co_await stream_.write(out_);
  out_.clear();
  stage_said_ = 0;
  co_return !written.ec;
}

}  // namespace postern::sink
