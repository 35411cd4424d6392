// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/server_session.h"

#include "base/metrics.h"
#include "smtp/replies.h"
#include "smtp/session/outcome.h"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace postern::smtp {
namespace {

/// For a client that is told 421 and may not be listening any more.
constexpr std::chrono::seconds kGoodbye{5};
constexpr std::string_view kLifetime = "lifetime";

}  // namespace

ServerSession::ServerSession(net::Socket socket,
                             const SessionOptions& options,
                             Service& service,
                             SessionFacts facts)
    : options_(options),
      service_(service),
      facts_(std::move(facts)),
      stream_(std::move(socket)),
      dialogue_(options.profile),
      pause_(stream_.executor()) {}

net::Awaitable<void> ServerSession::run() {
  const bool opened = co_await open();
  if (opened) {
    co_await serve();
  }
  transaction_.reset();
  if (goodbye_.code() != 0) note("ended", {}, goodbye_.line());
  co_await say_goodbye();
  stream_.close();
}

void ServerSession::stop() {
  stopping_ = true;
  pause_.cancel();
  // An idle session waits for the client, for minutes: end the wait. A busy one sees the flag at
  // its next command.
  if (idle_) stream_.expires_at(net::Clock::now());
}

net::Awaitable<bool> ServerSession::open() {
  const bool is_in = co_await let_in();
  if (!is_in) co_return false;
  if (options_.implicit_tls) {
    const bool secured = co_await upgrade_to_tls();
    if (!secured) co_return false;
    dialogue_.tls_done();
  } else {
    // A client that talks before the greeting does not listen to replies: a robot, or an attack on
    // the proxy in front of it. What has arrived by now is enough evidence; nobody is made to wait
    // for more.
    boost::system::error_code ec;
    if (stream_.socket().available(ec) > 0) {
      if (has_proxy_header()) {
        replies::proxy_not_expected().append_to(out_);
      } else {
        dialogue_.pregreet(out_);
      }
      note_refusal("(before the greeting)", 0);
      co_await flush();
      co_return false;
    }
  }
  offer_auth();
  dialogue_.greet(out_);
  co_return true;
}

net::Awaitable<void> ServerSession::serve() {
  for (;;) {
    const bool got_line = co_await read_line();
    if (!got_line) co_return;
    if (net::Clock::now() >= ends_) {
      waits_for_ = kLifetime;
      timed_out();
      co_return;
    }
    ServerDialogue::Effect effect;
    const std::size_t said_before = out_.size();
    const std::string_view line = line_.text(input_.view());
    if (line_.kind == Line::Kind::complete) {
      effect = dialogue_.on_line(line, out_);
      note_refusal(line, said_before);
    } else if (line_.kind == Line::Kind::bare_lf) {
      effect = dialogue_.on_bare_lf(line, out_);
      note_refusal(line, said_before);
    } else {
      effect = dialogue_.on_long_line(out_);
      note_refusal("(a line that is too long)", said_before);
    }
    if (std::holds_alternative<ServerDialogue::UpgradeTls>(effect) &&
        input_.size() > line_.octets) {
      // Commands in the same packet as STARTTLS would be taken for part of the secured session (RFC
      // 3207 5, "command injection"): such a client is refused outright.
      out_.resize(said_before);
      replies::starttls_injection().append_to(out_);
      note_refusal("STARTTLS", said_before);
      co_await flush();
      co_return;
    }
    const bool go_on = co_await perform(effect);
    if (!go_on) co_return;
  }
}

/// Brings one line, and nothing else, to the front of the input. False: the session is over.
net::Awaitable<bool> ServerSession::read_line() {
  net::TimePoint deadline{};  // one a command: octets that trickle in do not move it
  for (;;) {
    line_ = input_.next_line(limit_of(input_.view()));
    if (line_.kind != Line::Kind::unfinished) co_return true;
    const bool flushed = co_await flush();
    if (!flushed) co_return false;
    if (stopping_) {
      goodbye_ = replies::shutting_down();
      co_return false;
    }
    if (deadline == net::TimePoint()) {
      deadline = std::min(net::Clock::now() + options_.timeouts.command, ends_);
      waits_for_ = deadline == ends_ ? kLifetime : "command";
      // Between two chunks the message is still on its way.
      if (incoming_.begun && incoming_.deadline < deadline) {
        deadline = incoming_.deadline;
        waits_for_ = "message";
      }
    }
    idle_ = true;
    const bool more = co_await read_more(deadline);
    idle_ = false;
    if (!more) co_return false;
  }
}

/// Reads at least one octet more. False: the client is gone, too slow, or stop() was called.
net::Awaitable<bool> ServerSession::read_more(net::TimePoint deadline) {
  stream_.expires_at(deadline);
  input_.park();
  const net::error_code waited = co_await stream_.wait_readable();
  if (waited) {
    if (waited == boost::asio::error::timed_out) timed_out();
    co_return false;
  }
  const tls::Stream::IoResult read = co_await stream_.read_some(input_.space());
  if (read.ec) {
    input_.consume(0);
    if (read.ec == boost::asio::error::timed_out) timed_out();
    co_return false;
  }
  input_.commit(read.octets);
  co_return true;
}

void ServerSession::timed_out() {
  if (stopping_) {
    goodbye_ = replies::shutting_down();
    return;
  }
  metrics::counter("postern_sessions_timed_out_total", {waits_for_}).add();
  goodbye_ = waits_for_ == kLifetime ? replies::session_too_long() : replies::too_slow();
}

/// Does what the dialogue wants. False: the session is over.
net::Awaitable<bool> ServerSession::perform(const ServerDialogue::Effect& effect) {
  using D = ServerDialogue;
  bool go_on = true;
  if (const auto* mail = std::get_if<D::BeginMail>(&effect)) {
    go_on = co_await begin_mail(mail->mail);
  } else if (const auto* rcpt = std::get_if<D::AddRecipient>(&effect)) {
    co_await add_recipient(rcpt->rcpt);
  } else if (const auto* greeted = std::get_if<D::Greeted>(&effect)) {
    facts_.helo = std::string(greeted->domain);
    facts_.esmtp = greeted->esmtp;
    drop_transaction();
    forget_forwarded();
  } else if (std::holds_alternative<D::ResetTransaction>(effect)) {
    drop_transaction();
    forget_forwarded();
  } else if (const auto* forwarded = std::get_if<D::NoteForwarded>(&effect)) {
    forwarded_.add(forwarded->message);
    facts_.forwarded = forwarded_.text();
  }
  AuthStart auth;
  std::optional<std::string> initial;
  if (const auto* asked = std::get_if<D::Authenticate>(&effect)) {
    auth.mechanism = std::string(asked->mechanism);
    if (asked->has_initial) initial = std::string(asked->initial);
  }
  // Views into the line end here: what follows reads on.
  input_.consume(line_.octets);
  if (std::holds_alternative<D::BeginData>(effect)) {
    go_on = co_await receive_data();
  } else if (const auto* chunk = std::get_if<D::BeginChunk>(&effect)) {
    go_on = co_await receive_chunk(*chunk);
  } else if (std::holds_alternative<D::UpgradeTls>(effect)) {
    go_on = co_await flush();
    if (go_on) {
      go_on = co_await upgrade_to_tls();
    }
    if (go_on) {
      dialogue_.tls_done();
      offer_auth();
    }
  } else if (const auto* other = std::get_if<D::OverrideClient>(&effect)) {
    go_on = co_await override_client(other->client);
  } else if (std::holds_alternative<D::Authenticate>(effect)) {
    go_on = co_await authenticate(std::move(auth), std::move(initial));
  } else if (std::holds_alternative<D::Close>(effect)) {
    co_await flush();
    go_on = false;
  }
  co_return go_on;
}

/// False: the session is over, since the gateway has said 421.
net::Awaitable<bool> ServerSession::begin_mail(const Mail& mail) {
  drop_transaction();
  if (stopping_) {
    dialogue_.mail_done(mail, replies::shutting_down(), out_);
    co_return true;
  }
  ++facts_.transaction;
  Sender sender{ReversePath(mail.path), own(mail.parameters)};
  // RFC 4954 5: no client is trusted to say who had written the message.
  if (!sender.parameters.auth.empty()) sender.parameters.auth = "<>";
  Begun begun = co_await service_.begin(facts_, sender);
  transaction_ = std::move(begun.transaction);
  dialogue_.mail_done(mail, begun.reply, out_);
  if (begun.reply.code() != 421) co_return true;
  co_await flush();
  co_return false;
}

net::Awaitable<void> ServerSession::add_recipient(const Rcpt& rcpt) {
  const Recipient recipient{Mailbox(rcpt.path), own(rcpt.parameters)};
  Reply reply = service_.limit_recipient(facts_);
  if (reply.code() == 0) reply = co_await transaction_->recipient(recipient);
  count_outcome("postern_recipients_total", reply);
  dialogue_.recipient_done(reply, out_);
}

void ServerSession::drop_transaction() {
  // Postfix's rule: what XFORWARD said is of one transaction.
  if (transaction_) forget_forwarded();
  transaction_.reset();
  incoming_ = Incoming{};
}

void ServerSession::forget_forwarded() {
  forwarded_ = Forwarded{};
  facts_.forwarded.clear();
}

void ServerSession::note(std::string_view event, std::string_view command, std::string_view why) {
  if (notes_ >= Service::kNotes) return;
  ++notes_;
  service_.note(facts_, SessionNote{event, command, why});
}

/// A refusal that the dialogue wrote itself: nobody else would know of it.
void ServerSession::note_refusal(std::string_view line, std::size_t said_before) {
  const std::string_view said = std::string_view(out_).substr(std::min(said_before, out_.size()));
  if (said.empty() || (said.front() != '4' && said.front() != '5')) return;
  line = without_secrets(line);
  note("refused", line, said.substr(0, said.find('\r')));
}

net::Awaitable<bool> ServerSession::flush() {
  if (out_.empty()) co_return true;
  stream_.expires_after(options_.timeouts.flush);
  const tls::Stream::IoResult written = co_await stream_.write(out_);
  out_.clear();
  if (written.ec == boost::asio::error::timed_out) {
    // Nothing more can be said: half of a reply may be on its way.
    metrics::counter("postern_sessions_timed_out_total", {"reply"}).add();
    note("ended", {}, "the client does not take its replies");
  }
  co_return !written.ec;
}

net::Awaitable<void> ServerSession::say_goodbye() {
  if (goodbye_.code() == 0) co_return;
  // Who begins with TLS can read no reply before it.
  if (options_.implicit_tls && facts_.tls == nullptr) co_return;
  goodbye_.append_to(out_);
  stream_.expires_after(kGoodbye);
  co_await stream_.write(out_);
}

}  // namespace postern::smtp
