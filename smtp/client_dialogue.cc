// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_dialogue.h"

#include "smtp/client_commands.h"
#include "smtp/error.h"

#include <algorithm>
#include <utility>

namespace postern::smtp {
namespace {

using Kind = ClientFailure::Kind;
using Step = ClientStep;

constexpr bool is_session_step(Step step) {
  return step <= Step::rset || step == Step::quit;
}

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::none:
      return "no failure";
    case Kind::unreachable:
      return "no connection";
    case Kind::lost:
      return "lost the connection";
    case Kind::timed_out:
      return "timed out";
    case Kind::bad_reply:
      return "a reply that is not SMTP";
    case Kind::refused:
      return "refused";
    case Kind::closing:
      return "the server closes";
    case Kind::no_tls:
      return "no TLS";
  }
  return "failed";
}

}  // namespace

std::string ClientFailure::sentence() const {
  std::string out(kind_text(kind));
  out.append(" while ").append(facts(step).doing);
  if (reply.code() != 0) out.append(": ").append(reply.line());
  if (!detail.empty()) out.append(" (").append(detail).append(")");
  return out;
}

ClientDialogue::ClientDialogue(const ClientProfile& profile) : profile_(&profile) {
  expected_.push_back(Step::greeting);
}

ClientStep ClientDialogue::waiting_for() const {
  if (!expected_.empty()) return expected_.front();
  if (!queued_.empty()) return queued_.front().step;
  if (want_tls_) return Step::tls;
  return body_ ? Step::body : Step::quit;
}

ClientDialogue::Action ClientDialogue::next() const {
  if (failure_) return Finished{};
  if (want_tls_) return StartTls{};
  // Without PIPELINING a command waits for the reply to the one before it (RFC 5321 4.1.1).
  const bool may_send = capabilities_.pipelining || expected_.empty();
  if (!queued_.empty() && may_send) {
    const std::size_t octets = capabilities_.pipelining ? out_.size() : queued_.front().octets;
    return Send{std::string_view(out_).substr(0, octets), queued_.front().step};
  }
  if (!expected_.empty()) return Receive{expected_.front()};
  if (body_) return SendBody{};
  return Finished{};
}

void ClientDialogue::sent() {
  const std::size_t count = capabilities_.pipelining ? queued_.size() : 1;
  std::size_t octets = 0;
  for (std::size_t i = 0; i < count && !queued_.empty(); ++i) {
    octets += queued_.front().octets;
    expected_.push_back(queued_.front().step);
    queued_.pop_front();
  }
  out_.erase(0, octets);
}

void ClientDialogue::received(std::string_view octets) {
  while (!octets.empty() && !failure_) {
    const Result<ReplyParser::Got> got = parser_.parse(octets);
    if (!got) {
      fail(Kind::bad_reply, waiting_for(), {}, got.error().message());
    } else if (*got == ReplyParser::Got::reply) {
      on_reply(parser_.take(), !octets.empty());
    }
  }
}

void ClientDialogue::on_reply(Reply reply, bool more_follows) {
  if (expected_.empty()) {
    // A server that has had enough of a message says why and closes, without waiting for its end.
    const bool closing = reply.code() == 421 || (body_ && reply.code() >= 400);
    fail(closing ? Kind::closing : Kind::bad_reply, waiting_for(), std::move(reply), "unasked");
    return;
  }
  const Step step = expected_.front();
  expected_.pop_front();
  if (step == Step::auth) return on_auth_reply(std::move(reply));
  const int klass = reply.code() / 100;
  if (klass <= 3 && klass != facts(step).good) {
    fail(Kind::bad_reply, step, std::move(reply), "out of sequence");
  } else if (is_session_step(step)) {
    on_session_reply(step, reply, more_follows);
  } else {
    on_transaction_reply(step, std::move(reply));
  }
}

void ClientDialogue::greet(Step step) {
  const std::size_t before = out_.size();
  append_command(facts(step).command, profile_->hostname, out_);
  queue(step, before);
}

void ClientDialogue::on_session_reply(Step step, const Reply& reply, bool more_follows) {
  const bool must_encrypt = profile_->tls == ClientProfile::Tls::encrypt && !tls_;
  switch (step) {
    case Step::greeting:
      if (!reply.is_positive()) return fail(Kind::refused, step, reply, {});
      return greet(Step::ehlo);
    case Step::ehlo:
      if (reply.is_positive()) return on_ehlo(reply);
      // RFC 5321 3.2: a server that does not know EHLO may know HELO.
      if (reply.is_permanent()) return greet(Step::helo);
      return fail(Kind::refused, step, reply, {});
    case Step::helo:
      if (!reply.is_positive()) return fail(Kind::refused, step, reply, {});
      if (must_encrypt) fail(Kind::no_tls, step, {}, "not offered");
      return;
    case Step::starttls:
      if (reply.is_positive()) {
        // Octets behind this reply were sent by nobody who will know the session's key (RFC 3207).
        if (more_follows) return fail(Kind::bad_reply, step, {}, "octets before the handshake");
        want_tls_ = true;
      } else if (must_encrypt || reply.code() == 421) {
        fail(Kind::refused, step, reply, {});
      }
      return;
    case Step::rset:
      if (!reply.is_positive()) return fail(Kind::refused, step, reply, {});
      transaction_ = false;
      return;
    default:
      return;  // QUIT: whatever was said, the connection is closed
  }
}

void ClientDialogue::on_ehlo(const Reply& reply) {
  capabilities_ = parse_capabilities(reply.text());
  if (tls_ || profile_->tls == ClientProfile::Tls::none) return;
  if (capabilities_.starttls) {
    const std::size_t before = out_.size();
    append_command("STARTTLS", {}, out_);
    queue(Step::starttls, before);
  } else if (profile_->tls == ClientProfile::Tls::encrypt) {
    fail(Kind::no_tls, Step::ehlo, {}, "not offered");
  }
}

void ClientDialogue::on_auth_reply(Reply reply) {
  if (reply.code() == 334 || reply.code() == 235) {
    auth_reply_ = std::move(reply);
  } else if (reply.code() >= 400) {
    fail(Kind::refused, Step::auth, std::move(reply), {});
  } else {
    fail(Kind::bad_reply, Step::auth, std::move(reply), "out of sequence");
  }
}

void ClientDialogue::on_transaction_reply(Step step, Reply reply) {
  const bool good = reply.code() / 100 == facts(step).good;
  const bool closing = reply.code() == 421;
  if (step == Step::mail && good) transaction_ = true;
  if (step == Step::mail && !good) {
    // What was to follow in this group makes no sense; what was sent already gets its own 503.
    queued_.clear();
    out_.clear();
  }
  if (step == Step::data && good) body_ = true;
  if (step == Step::last_chunk || step == Step::data_done) {
    transaction_ = chunk_refused_;  // RFC 3030 2: after a refused chunk only RSET helps
    body_ = false;
  }
  if (step == Step::chunk && !good) {
    chunk_refused_ = true;
    body_ = false;
  }
  if (step != Step::chunk || !good) answers_.push_back(Answer{step, reply});
  if (closing) fail(Kind::closing, step, std::move(reply), {});
}

void ClientDialogue::tls_done() {
  want_tls_ = false;
  tls_ = true;
  // RFC 3207 4.2: what was learnt in plain is forgotten.
  capabilities_ = {};
  parser_ = {};
  greet(Step::ehlo);
}

void ClientDialogue::tls_failed(std::string detail) {
  want_tls_ = false;
  fail(Kind::no_tls, Step::tls, {}, std::move(detail));
}

void ClientDialogue::lost(Kind kind, Step step, std::string detail) {
  if (!failure_) fail(kind, step, {}, std::move(detail));
}

void ClientDialogue::fail(Kind kind, Step step, Reply reply, std::string detail) {
  failure_.kind = kind;
  failure_.step = step;
  failure_.reply = std::move(reply);
  failure_.detail = std::move(detail);
  expected_.clear();
  queued_.clear();
  out_.clear();
}

void ClientDialogue::begin_asking() {
  if (expected_.empty() && queued_.empty()) answers_.clear();
}

void ClientDialogue::queue(Step step, std::size_t before) {
  queued_.push_back(Command{step, out_.size() - before});
}

void ClientDialogue::reset() {
  begin_asking();
  chunk_refused_ = false;
  if (!transaction_) return;
  transaction_ = false;
  const std::size_t before = out_.size();
  append_command("RSET", {}, out_);
  queue(Step::rset, before);
}

void ClientDialogue::call_off() {
  begin_asking();
  const std::size_t before = out_.size();
  append_command("RSET", {}, out_);
  queue(Step::rset, before);
}

void ClientDialogue::mail(const Sender& sender) {
  reset();
  const std::size_t before = out_.size();
  append_mail(sender, capabilities_, out_);
  queue(Step::mail, before);
}

void ClientDialogue::rcpt(const Recipient& recipient) {
  begin_asking();
  const std::size_t before = out_.size();
  append_rcpt(recipient, capabilities_, out_);
  queue(Step::rcpt, before);
}

void ClientDialogue::data() {
  begin_asking();
  const std::size_t before = out_.size();
  append_command("DATA", {}, out_);
  queue(Step::data, before);
}

void ClientDialogue::body_sent() {
  begin_asking();
  body_ = false;
  expected_.push_back(Step::data_done);
}

void ClientDialogue::chunk_sent(bool last) {
  begin_asking();
  body_ = !last;
  expected_.push_back(last ? Step::last_chunk : Step::chunk);
}

void ClientDialogue::auth(std::string_view line) {
  begin_asking();
  const std::size_t before = out_.size();
  out_.append(line).append("\r\n");
  queue(Step::auth, before);
}

void ClientDialogue::quit() {
  begin_asking();
  const std::size_t before = out_.size();
  append_command("QUIT", {}, out_);
  queue(Step::quit, before);
}

}  // namespace postern::smtp
