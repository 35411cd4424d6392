// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/smtp_session.h"

#include <fmt/format.h>

#include <utility>

namespace postern::verify {
namespace {

talk::Target target_of(const SessionTerms& terms) {
  talk::Target target;
  target.host = terms.server.host;
  target.port = terms.server.port;
  if (terms.local) target.local = terms.local->to_string();
  target.timeout = terms.timeout;
  return target;
}

}  // namespace

SmtpSession::SmtpSession(SessionTerms terms) : terms_(std::move(terms)) {}

bool SmtpSession::keep(const talk::Conversation::Answer& answer) {
  if (!answer) {
    handed_.failure = fmt::format("{}: {}", terms_.server.str(), answer.error().detail);
    return false;
  }
  if (answer->is_positive()) return true;
  handed_.refusal = *answer;
  return false;
}

bool SmtpSession::start_tls(bool asked) {
  if (asked && !keep(conversation_->command("STARTTLS"))) return false;
  talk::TlsTerms tls;
  tls.verify = terms_.server.verify;
  tls.ca = terms_.server.ca;
  const talk::Conversation::Done done = conversation_->start_tls(tls);
  if (!done) handed_.failure = fmt::format("{}: {}", terms_.server.str(), done.error().detail);
  return static_cast<bool>(done);
}

bool SmtpSession::open() {
  auto opened = talk::Conversation::open(target_of(terms_), deaf_);
  if (!opened) {
    handed_.failure = fmt::format("{}: {}", terms_.server.str(), opened.error().detail);
    return false;
  }
  conversation_ = std::move(*opened);
  handed_.reached = true;
  handed_.local_address = plain_ip(conversation_->local().address()).to_string();
  if (terms_.server.tls == Security::implicit && !start_tls(false)) return false;
  if (!keep(conversation_->greeting())) return false;
  if (!keep(conversation_->hello("EHLO", terms_.helo))) return false;
  if (terms_.server.tls == Security::starttls) {
    if (!start_tls(true) || !keep(conversation_->hello("EHLO", terms_.helo))) return false;
  }
  if (terms_.user.empty()) return true;
  talk::Login login;
  login.credentials.name = terms_.user;
  login.credentials.password = terms_.password;
  return keep(conversation_->auth(login));
}

std::optional<smtp::Reply> SmtpSession::ask(std::string_view line) {
  if (!conversation_ || !handed_.failure.empty()) return std::nullopt;
  talk::Conversation::Answer answer = conversation_->command(line, talk::Expect::any);
  if (answer) return *std::move(answer);
  keep(answer);
  return std::nullopt;
}

bool SmtpSession::agrees(std::string_view line) {
  const std::optional<smtp::Reply> reply = ask(line);
  if (!reply) return false;
  if (!reply->is_positive()) handed_.refusal = *reply;
  return reply->is_positive();
}

bool SmtpSession::deliver(std::string_view octets) {
  conversation_->send_block(octets);
  conversation_->send_block(".\r\n");
  return keep(conversation_->reply());
}

bool SmtpSession::quit() {
  if (!conversation_ || !conversation_->is_open()) return true;
  return static_cast<bool>(conversation_->quit());
}

void SmtpSession::close() {
  if (conversation_) conversation_->close();
}

Handed hand_in(const SessionTerms& terms,
               const std::string& from,
               const std::string& to,
               std::string_view letter) {
  SmtpSession session(terms);
  Step step = Step::session;
  const auto at = [&step](Step next) {
    step = next;
    return true;
  };
  if (session.open() && at(Step::sender) && session.agrees(fmt::format("MAIL FROM:<{}>", from)) &&
      at(Step::recipient) && session.agrees(fmt::format("RCPT TO:<{}>", to)) && at(Step::letter) &&
      session.agrees("DATA")) {
    session.deliver(letter);
  }
  session.quit();
  Handed out = session.outcome();
  out.step = step;
  return out;
}

}  // namespace postern::verify
