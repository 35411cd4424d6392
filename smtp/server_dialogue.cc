// SPDX-License-Identifier: Apache-2.0
#include "smtp/server_dialogue.h"

#include "smtp/replies.h"
#include "smtp/verbs.h"

#include <algorithm>
#include <charconv>

namespace postern::smtp {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, value);
  if (ec == std::errc()) out.append(digits, end);
}

/// One line of the EHLO reply; the last has a space (RFC 5321 4.1.1.1). No enhanced status (RFC
/// 2034 3).
class EhloReply {
 public:
  EhloReply(std::string& out, std::string_view hostname) : out_(out) { line(hostname); }
  void line(std::string_view keyword) {
    last_ = out_.size();
    out_ += "250-";
    out_ += keyword;
    out_ += "\r\n";
  }
  void line(std::string_view keyword, std::uint64_t number) {
    line(keyword);
    out_.resize(out_.size() - 2);
    append_number(out_, number);
    out_ += "\r\n";
  }
  void end() { out_[last_ + 3] = ' '; }

 private:
  std::string& out_;
  std::size_t last_ = 0;
};

/// RFC 9422 4: numbers from 1, of six digits at most. Empty: there is none to say.
std::string limits_line(const ServerLimits& limits) {
  constexpr std::uint64_t kMost = 999'999;
  std::string out;
  const auto say = [&out](std::string_view name, std::uint64_t number) {
    if (number == 0 || number > kMost) return;
    out += out.empty() ? "LIMITS " : " ";
    out += name;
    append_number(out, number);
  };
  say("RCPTMAX=", limits.recipients);
  say("MAILMAX=", limits.messages);
  return out;
}

std::string help_list(const ServerProfile& profile, bool tls) {
  std::string out = "commands:";
  for (const VerbRow& row : kVerbs) {
    if (row.verb == Verb::starttls && (tls || !profile.offer_starttls)) continue;
    if (row.verb == Verb::auth && profile.auth_mechanisms.empty()) continue;
    if (row.verb == Verb::xclient || row.verb == Verb::xforward) continue;
    out += ' ';
    out += row.name;
  }
  return out;
}

/// Why a verb is out of sequence in a phase.
Reply out_of_sequence(Verb verb, ServerDialogue::Phase phase) {
  using Phase = ServerDialogue::Phase;
  if (phase == Phase::connected) return replies::say_hello_first();
  if (verb == Verb::mail) return replies::nested_mail();
  if (phase == Phase::greeted) return replies::mail_first();
  if (phase == Phase::chunks_failed) return replies::message_failed_already();
  if (phase == Phase::chunks && (verb == Verb::data || verb == Verb::rcpt))
    return replies::chunks_under_way();
  if (verb == Verb::data || verb == Verb::bdat) return replies::no_recipients();
  return replies::bad_sequence();
}

Reply for_bad_arguments(const BadArguments& bad) {
  if (bad.reason == Errc::unknown_parameter) return replies::unknown_parameter();
  const std::string sentence = make_error_code(bad.reason).message();
  const bool about_address = bad.reason < Errc::unknown_parameter;
  if (about_address && bad.verb == Verb::mail) return replies::bad_sender(sentence);
  if (about_address && bad.verb == Verb::rcpt) return replies::bad_recipient(sentence);
  return replies::bad_argument(sentence);
}

}  // namespace

void ServerDialogue::greet(std::string& out) const {
  out += "220 ";
  out += profile_->hostname;
  out += " ESMTP postern\r\n";
}

void ServerDialogue::pregreet(std::string& out) const {
  replies::talked_too_early().append_to(out);
}

ServerDialogue::Effect ServerDialogue::on_line(std::string_view line, std::string& out) {
  ParserOptions options;
  options.smtputf8 = profile_->offer_smtputf8;
  options.binarymime = profile_->offer_binarymime;
  options.requiretls = true;  // refused in plain with words of its own
  options.extended = esmtp_;
  options.mail_is_utf8 = utf8_;
  const Command command = parse_command(line, options);
  return std::visit([&](const auto& c) { return on(c, out); }, command);
}

ServerDialogue::Effect ServerDialogue::on_long_line(std::string& out) {
  return fail(replies::line_too_long(), out);
}
ServerDialogue::Effect ServerDialogue::on_bare_lf(std::string_view line, std::string& out) {
  const Effect effect = fail(replies::bare_lf_command(), out);
  // A chunk follows, which must not be taken for commands.
  return iequals(line.substr(0, 4), "BDAT") ? Effect(Close{}) : effect;
}

/// A protocol error: counted, and at the limit the session ends.
ServerDialogue::Effect ServerDialogue::fail(const Reply& reply, std::string& out) {
  if (++errors_ > profile_->limits.errors) {
    replies::too_many_errors().append_to(out);
    return Close{};
  }
  reply.append_to(out);
  return Nothing{};
}

/// For a command that brings no message nearer: without end it is a way to hold a session. True: it
/// was one too many, and 421 is the reply.
bool ServerDialogue::is_too_idle(std::string& out) {
  if (++idle_commands_ <= profile_->limits.idle_commands) return false;
  if (++errors_ <= profile_->limits.errors) return false;
  replies::too_many_errors().append_to(out);
  return true;
}

/// A command that comes too early or too late. Behind a refusal, RCPT, DATA and BDAT are what a
/// client had sent before it could know (PIPELINING, RFC 2920 3.1): no error of its own.
ServerDialogue::Effect ServerDialogue::fail_sequence(Verb verb, std::string& out) {
  const Reply reply = out_of_sequence(verb, phase_);
  const bool of_the_group = verb == Verb::rcpt || verb == Verb::data || verb == Verb::bdat;
  if (!refused_ || !of_the_group) return fail(reply, out);
  reply.append_to(out);
  return Nothing{};
}

/// The sequence rule of the verb table; true when the verb may come now.
bool ServerDialogue::in_sequence(Verb verb, std::string& out, Effect& effect) {
  if (find_verb(verb)->allowed.has(static_cast<unsigned>(phase_))) return true;
  effect = fail_sequence(verb, out);
  return false;
}

void ServerDialogue::end_transaction() {
  if (phase_ != Phase::connected) phase_ = Phase::greeted;
  recipients_ = 0;
  utf8_ = false;
  binary_ = false;
  refused_ = false;
}

ServerDialogue::Effect ServerDialogue::on(const Helo& helo, std::string& out) {
  if (is_too_idle(out)) return Close{};
  phase_ = Phase::greeted;
  esmtp_ = false;
  end_transaction();
  out += "250 ";
  out += profile_->hostname;
  out += "\r\n";
  return Greeted{helo.domain, false};
}

ServerDialogue::Effect ServerDialogue::on(const Ehlo& ehlo, std::string& out) {
  if (is_too_idle(out)) return Close{};
  phase_ = Phase::greeted;
  esmtp_ = true;
  end_transaction();
  EhloReply reply(out, profile_->hostname);
  reply.line("PIPELINING");
  reply.line("SIZE ", profile_->limits.message_octets);
  reply.line("8BITMIME");
  if (profile_->offer_smtputf8) reply.line("SMTPUTF8");
  reply.line("ENHANCEDSTATUSCODES");
  reply.line("CHUNKING");
  if (profile_->offer_binarymime) reply.line("BINARYMIME");
  reply.line("DSN");
  if (profile_->offer_starttls && !tls_) reply.line("STARTTLS");
  if (tls_) reply.line("REQUIRETLS");
  if (offers_auth() && !authenticated_) {
    std::string line = "AUTH ";
    line += mechanisms_;
    reply.line(line);
  }
  if (may_xclient_) reply.line("XCLIENT " + std::string(kXclientAttributes));
  if (may_xforward_) reply.line("XFORWARD " + std::string(kXforwardAttributes));
  const std::string limits = limits_line(profile_->limits);
  if (!limits.empty()) reply.line(limits);
  reply.end();
  return Greeted{ehlo.domain, true};
}

ServerDialogue::Effect ServerDialogue::on(const Mail& mail, std::string& out) {
  Effect effect;
  if (!in_sequence(Verb::mail, out, effect)) return effect;
  if (profile_->auth_required && !authenticated_ && !trusted_) {
    refused_ = true;
    replies::authentication_required().append_to(out);
    return Nothing{};
  }
  if (messages_ >= profile_->limits.messages) {
    replies::too_many_messages().append_to(out);
    return Close{};
  }
  if (mail.parameters.size.value_or(0) > profile_->limits.message_octets) {
    refused_ = true;
    replies::declared_too_large().append_to(out);
    return Nothing{};
  }
  if (mail.parameters.requiretls && !tls_) {
    refused_ = true;
    replies::requiretls_needs_tls().append_to(out);
    return Nothing{};
  }
  return BeginMail{mail};
}

ServerDialogue::Effect ServerDialogue::on(const Rcpt& rcpt, std::string& out) {
  Effect effect;
  if (!in_sequence(Verb::rcpt, out, effect)) return effect;
  if (refused_recipients_ >= profile_->limits.refused_recipients) {
    replies::too_many_errors().append_to(out);
    return Close{};
  }
  if (recipients_ >= profile_->limits.recipients) {
    replies::too_many_recipients().append_to(out);
    return Nothing{};
  }
  return AddRecipient{rcpt};
}

ServerDialogue::Effect ServerDialogue::on(const Data&, std::string& out) {
  Effect effect;
  if (!in_sequence(Verb::data, out, effect)) return effect;
  if (binary_) return fail(replies::binary_needs_bdat(), out);
  return BeginData{};
}

ServerDialogue::Effect ServerDialogue::on(const Bdat& bdat, std::string& out) {
  if (phase_ == Phase::rcpt) phase_ = Phase::chunks;
  if (phase_ == Phase::chunks) return BeginChunk{bdat.size, bdat.last, false};
  const Effect effect = fail_sequence(Verb::bdat, out);
  if (std::holds_alternative<Close>(effect)) return effect;
  return BeginChunk{bdat.size, bdat.last, true};
}

ServerDialogue::Effect ServerDialogue::on(const Rset&, std::string& out) {
  if (is_too_idle(out)) return Close{};
  end_transaction();
  replies::ok().append_to(out);
  return ResetTransaction{};
}

ServerDialogue::Effect ServerDialogue::on(const Noop&, std::string& out) {
  if (is_too_idle(out)) return Close{};
  replies::ok().append_to(out);
  return Nothing{};
}

ServerDialogue::Effect ServerDialogue::on(const Vrfy&, std::string& out) {
  if (is_too_idle(out)) return Close{};
  replies::cannot_verify().append_to(out);
  return Nothing{};
}

ServerDialogue::Effect ServerDialogue::on(const Expn&, std::string& out) {
  return fail(replies::not_offered(), out);
}

ServerDialogue::Effect ServerDialogue::on(const Help& help, std::string& out) {
  if (is_too_idle(out)) return Close{};
  for (const VerbRow& row : kVerbs) {
    if (iequals(row.name, help.topic)) {
      replies::help(row.help).append_to(out);
      return Nothing{};
    }
  }
  replies::help(help_list(*profile_, tls_)).append_to(out);
  return Nothing{};
}

ServerDialogue::Effect ServerDialogue::on(const Quit&, std::string& out) {
  replies::closing().append_to(out);
  return Close{};
}

ServerDialogue::Effect ServerDialogue::on(const StartTls&, std::string& out) {
  if (tls_) return fail(replies::tls_already(), out);
  if (!profile_->offer_starttls) return fail(replies::not_offered(), out);
  Effect effect;
  if (!in_sequence(Verb::starttls, out, effect)) return effect;
  replies::ready_for_tls().append_to(out);
  return UpgradeTls{};
}

bool ServerDialogue::offers_auth() const {
  return !mechanisms_.empty() && (tls_ || !profile_->auth_needs_tls);
}

/// RFC 4422 3.1: names are compared without case here, as AUTH's clients write them.
bool ServerDialogue::offers(std::string_view mechanism) const {
  for (std::string_view rest = mechanisms_; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (iequals(rest.substr(0, end), mechanism)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

ServerDialogue::Effect ServerDialogue::on(const Auth& auth, std::string& out) {
  if (profile_->auth_mechanisms.empty()) return fail(replies::not_offered(), out);
  Effect effect;
  if (!in_sequence(Verb::auth, out, effect)) return effect;
  if (authenticated_) return fail(replies::authenticated_already(), out);
  if (profile_->auth_needs_tls && !tls_) return fail(replies::auth_needs_tls(), out);
  if (!offers(auth.mechanism)) return fail(replies::unknown_mechanism(), out);
  // Passwords that were wrong count as errors; this is where guessing ends.
  if (errors_ >= profile_->limits.errors) return fail(replies::bad_sequence(), out);
  return Authenticate{auth.mechanism, auth.initial_response, auth.has_initial_response};
}

ServerDialogue::Effect ServerDialogue::on(const BadArguments& bad, std::string& out) {
  // A BDAT whose size cannot be read: where its octets end is not known, and what follows must not
  // be taken for commands.
  if (bad.verb == Verb::bdat) {
    for_bad_arguments(bad).append_to(out);
    return Close{};
  }
  Effect effect;
  if (!in_sequence(bad.verb, out, effect)) return effect;
  // The rest of a pipelined group cannot help it that its MAIL was wrong.
  if (bad.verb == Verb::mail || bad.verb == Verb::rcpt) refused_ = true;
  return fail(for_bad_arguments(bad), out);
}

void ServerDialogue::mail_done(const Mail& mail, const Reply& reply, std::string& out) {
  reply.append_to(out);
  refused_ = !reply.is_positive();
  if (refused_) return;
  phase_ = Phase::mail;
  utf8_ = mail.parameters.smtputf8;
  binary_ = mail.parameters.body == Body::binary_mime;
}

void ServerDialogue::recipient_done(const Reply& reply, std::string& out) {
  reply.append_to(out);
  if (!reply.is_positive()) {
    refused_ = true;
    // A 4xx tells nobody who exists.
    if (reply.is_permanent()) ++refused_recipients_;
    return;
  }
  ++recipients_;
  phase_ = Phase::rcpt;
}

void ServerDialogue::data_done(const Reply& reply, std::string& out) {
  if (reply.is_positive()) {
    replies::start_mail_input().append_to(out);
  } else {
    reply.append_to(out);
  }
}

void ServerDialogue::message_done(const Reply& reply, std::string& out) {
  reply.append_to(out);
  ++messages_;
  if (reply.is_positive()) errors_ = refused_recipients_ = idle_commands_ = 0;
  end_transaction();
}

void ServerDialogue::chunk_done(const Reply& reply, std::string& out) {
  reply.append_to(out);
  if (reply.is_positive()) return;
  phase_ = Phase::chunks_failed;
  refused_ = true;
}

void ServerDialogue::auth_done(bool ok, const Reply& reply, std::string& out) {
  reply.append_to(out);
  authenticated_ = ok;
  if (!ok) ++errors_;
}

}  // namespace postern::smtp
