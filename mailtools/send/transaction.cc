// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace postern::send {
namespace {

using talk::Expect;
using Kind = talk::TalkError::Kind;

/// Replies of a server that takes commands out of a message; more of them tell nothing more.
constexpr int kMostUnasked = 16;
/// The second decides; the others are for the count.
constexpr std::chrono::seconds kMoreUnasked{1};

}  // namespace

Transaction::Transaction(const Options& options, const std::string& message, Report& report)
    : options_(options), message_(spoiled(message, options.violations)), report_(report) {}

int Transaction::run() {
  const bool before = options_.xclient.before_tls;
  const bool sent = open() && greet() && hello(kHello, StopAt::first_hello) &&
                    (!before || xclient()) && start_tls() && behind_starttls() &&
                    (before || xclient()) && log_in() && envelope() && content();
  if (sent) leave();
  return status_;
}

bool Transaction::open() {
  auto made = talk::Conversation::open(options_.target, report_);
  if (!made) {
    const bool connected = made.error().kind == Kind::closed;
    status_ = connected ? kProxySent : kNoConnection;
    return false;
  }
  talk_ = std::move(*made);
  if (!options_.tls.on_connect) return true;
  if (!handshake()) {
    status_ = kTls;
    talk_->close();
    return false;
  }
  return goes_on_after(StopAt::tls);
}

bool Transaction::greet() {
  const bool early = has(Violation::pregreeting);
  if (early) talk_->queue(fmt::format("{} {}", options_.hello_verb, options_.hello_name));
  const Answer greeting = talk_->greeting();
  if (!is_good(greeting, kBanner)) {
    if (early) verdict(Violation::pregreeting, greeting);
    return false;
  }
  if (early) {
    const Answer answer = talk_->reply(Expect::any);
    if (!answer) return lost(answer.error(), kHello);
    verdict(Violation::pregreeting, answer);
  }
  return goes_on_after(StopAt::connect);
}

bool Transaction::hello(int status, StopAt at) {
  if (has(Violation::no_helo)) return goes_on_after(at);
  if (options_.drop_after_send == at) {
    talk_->queue(fmt::format("{} {}", options_.hello_verb, options_.hello_name));
    return !drops_before_reply(at);
  }
  Answer answer = talk_->hello(options_.hello_verb, options_.hello_name);
  // RFC 5321 section 3.2: a server that does not know EHLO.
  if (answer && answer->is_permanent() && options_.hello_verb == "EHLO")
    answer = talk_->hello("HELO", options_.hello_name);
  return is_good(answer, status) && goes_on_after(at);
}

bool Transaction::handshake() {
  if (!talk_->start_tls(options_.tls.terms)) return false;
  const auto& file = options_.tls.peer_certificate;
  if (!file) return true;
  if (*file == "-") {
    report_.note(talk_->tls()->pem);
    return true;
  }
  std::ofstream out(*file, std::ios::binary | std::ios::trunc);
  out << talk_->tls()->pem;
  out.close();
  if (!out) report_.complain(fmt::format("{} cannot be written", *file));
  return true;
}

bool Transaction::start_tls() {
  const Want want = options_.tls.starttls;
  if (want == Want::no || talk_->tls() != nullptr) return goes_on_after(StopAt::tls);
  if (!talk_->capabilities().starttls) {
    report_.complain("Host did not advertise STARTTLS");
    if (has(Violation::starttls_injection)) report_.note("Violation starttls-injection: not tried");
    if (want == Want::must) return ended(kTls);
    return goes_on_after(StopAt::tls);
  }
  if (has(Violation::starttls_injection)) {
    talk_->queue_octets("STARTTLS\r\nXINJECTED\r\n", "STARTTLS\\r\\nXINJECTED");
  } else {
    talk_->queue("STARTTLS");
  }
  if (drops_before_reply(StopAt::tls)) return false;
  const Answer answer = talk_->reply();
  if (!answer) return lost(answer.error(), kTls);
  if (!answer->is_positive()) {
    if (has(Violation::starttls_injection)) verdict(Violation::starttls_injection, answer);
    report_.complain("STARTTLS attempted but failed");
    // Nothing has changed on the connection.
    return want == Want::may ? goes_on_after(StopAt::tls) : ended(kTls);
  }
  if (!handshake()) {
    // In the middle of a handshake there is nothing to be said in plain.
    status_ = kTls;
    talk_->close();
    return false;
  }
  return goes_on_after(StopAt::tls);
}

/// RFC 3207 section 4.2: what was known is forgotten.
bool Transaction::behind_starttls() {
  if (talk_->tls() == nullptr || options_.tls.on_connect) {
    // The first EHLO was the only one.
    return !drops_before_reply(StopAt::hello) && goes_on_after(StopAt::hello);
  }
  if (!has(Violation::starttls_injection)) return hello(kHelloAfterTls, StopAt::hello);
  Answer answer = talk_->hello(options_.hello_verb, options_.hello_name);
  if (!answer) return lost(answer.error(), kHelloAfterTls);
  if (answer->is_positive()) {
    report_.note("Violation starttls-injection: the server dropped it");
    return goes_on_after(StopAt::hello);
  }
  report_.complain(
      "Violation starttls-injection: the server answered within TLS what came in plain");
  return ended(kVulnerable);
}

bool Transaction::xclient() {
  const XclientOptions& wanted = options_.xclient;
  if (wanted.want == Want::no || wanted.commands.empty()) return true;
  const auto without = [&](std::string_view why) {
    report_.complain(why);
    return wanted.want != Want::must || ended(kXclient);
  };
  const auto offered = talk_->offered("XCLIENT");
  if (!offered) return without("Host did not advertise XCLIENT");
  const std::string list = fmt::format(" {} ", *offered);
  for (const std::string& attribute : wanted.attributes) {
    if (wanted.verify && list.find(fmt::format(" {} ", attribute)) == list.npos)
      return without("Host did not advertise requested XCLIENT attributes");
  }
  for (const std::string& command : wanted.commands) {
    const auto answer = ask("XCLIENT " + command, StopAt::xclient);
    if (!answer) return false;
    if (!*answer) return lost(answer->error(), kXclient);
    if ((*answer)->is_positive()) continue;
    report_.complain("XCLIENT attempted but failed");
    return wanted.want == Want::may || ended(kXclient);
  }
  return goes_on_after(StopAt::xclient) && hello(kHelloAfterXclient, StopAt::hello);
}

bool Transaction::log_in() {
  const AuthOptions& wanted = options_.auth;
  if (wanted.want != Want::no) {
    const Answer answer = talk_->auth(wanted.login);
    const bool offered = talk_->capabilities().auth;
    if (!answer) {
      if (answer.error().kind != Kind::refused) return lost(answer.error(), kAuth);
      const bool goes_on =
          wanted.want == Want::may || (wanted.want == Want::if_offered && !offered);
      if (!goes_on) return ended(kAuth);
    }
  }
  return goes_on_after(StopAt::auth);
}

bool Transaction::envelope() {
  if (options_.quit_after == StopAt::never && !extensions_are_there()) return false;
  probe();
  const bool pipelines =
      has(Violation::pipelining_unasked) || (options_.pipeline && talk_->capabilities().pipelining);
  return pipelines ? envelope_at_once() : envelope_by_steps();
}

bool Transaction::envelope_by_steps() {
  talk_->queue(mail_line(), has(Violation::bare_lf_command) ? "\n" : "\r\n");
  if (drops_before_reply(StopAt::mail)) return false;
  if (!is_good(talk_->reply(), kMail) || !goes_on_after(StopAt::mail)) return false;
  probe_with(Violation::nested_mail, mail_line());
  for (const std::string& recipient : options_.to) {
    const auto answer = ask(rcpt_line(recipient), StopAt::rcpt);
    if (!answer) return false;
    if (!*answer) return lost(answer->error(), kRcpt);
    if ((*answer)->is_positive()) ++recipients_;
  }
  return recipients_ != 0 ? goes_on_after(StopAt::rcpt) : ended(kRcpt);
}

/// RFC 2920: every reply is read, whatever the first ones say.
bool Transaction::envelope_at_once() {
  talk_->queue(mail_line(), has(Violation::bare_lf_command) ? "\n" : "\r\n");
  if (drops_before_reply(StopAt::mail)) return false;
  const auto ends_at = [this](StopAt at) {
    return options_.quit_after == at || options_.drop_after == at;
  };
  const std::size_t recipients = ends_at(StopAt::mail) ? 0 : options_.to.size();
  for (std::size_t i = 0; i < recipients; ++i)
    talk_->queue(rcpt_line(options_.to[i]));
  if (recipients != 0 && drops_before_reply(StopAt::rcpt)) return false;
  data_asked_ = recipients != 0 && !ends_at(StopAt::rcpt) && !options_.chunking &&
                !has(Violation::data_after_bdat);
  if (data_asked_) talk_->queue("DATA");
  const Answer mail = talk_->reply();
  if (!mail) return lost(mail.error(), kMail);
  if (!recipients_answered(recipients)) return false;
  const bool taken = recipients_ != 0 || recipients == 0;
  if (mail->is_positive() && taken)
    return goes_on_after(StopAt::mail) && goes_on_after(StopAt::rcpt);
  if (data_asked_) end_empty_message();
  return ended(mail->is_positive() ? kRcpt : kMail);
}

bool Transaction::recipients_answered(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Answer answer = talk_->reply();
    if (!answer) return lost(answer.error(), kRcpt);
    if (answer->is_positive()) ++recipients_;
  }
  return true;
}

/// RFC 2920 section 3.1: with no recipient a server may say 354 all the same.
void Transaction::end_empty_message() {
  const Answer answer = talk_->reply();
  if (answer && answer->code() == 354) talk_->command(".", Expect::any);
}

bool Transaction::content() {
  if (has(Violation::bdat_size)) {
    const Answer answer = talk_->command("BDAT five LAST", Expect::success);
    verdict(Violation::bdat_size, answer);
    return is_good(answer, kContent) && goes_on_after(StopAt::dot);
  }
  return options_.chunking ? chunks() : data();
}

bool Transaction::data() {
  if (has(Violation::data_after_bdat)) {
    talk_->queue("BDAT 6");
    talk_->send_block("A: b\r\n");
    if (!is_good(talk_->reply(), kContent)) return false;
  }
  if (!data_asked_) talk_->queue("DATA");
  if (!data_asked_ && drops_before_reply(StopAt::data)) return false;
  // Without `fixup` the user writes the end, as with swaks.
  const std::string octets = options_.message.fixup || !options_.message.data
                                 ? data_octets(message_, options_.violations, smuggled_envelope())
                                 : message_ + "\r\n";
  const bool early = has(Violation::data_early);
  if (early) talk_->send_block(octets);
  const Answer go_ahead = talk_->reply(Expect::go_ahead);
  if (has(Violation::data_after_bdat)) verdict(Violation::data_after_bdat, go_ahead);
  if (!go_ahead) return lost(go_ahead.error(), kData);
  if (go_ahead->code() / 100 != 3) return ended(kData);
  if (!goes_on_after(StopAt::data)) return false;
  if (!early) talk_->send_block(octets);
  if (has(Violation::no_end)) {
    report_.note("Dropping connection within the message");
    talk_->close();
    return false;
  }
  if (drops_before_reply(StopAt::dot)) return false;
  return content_reply();
}

bool Transaction::chunks() {
  const bool at_once = options_.pipeline && talk_->capabilities().pipelining;
  std::string_view rest = message_;
  std::size_t outstanding = 0;
  do {
    const std::string_view chunk = rest.substr(0, options_.chunk_size);
    rest.remove_prefix(chunk.size());
    talk_->queue(fmt::format("BDAT {}{}", chunk.size(), rest.empty() ? " LAST" : ""));
    talk_->send_block(chunk);
    ++outstanding;
    while (!rest.empty() && outstanding > 0 && !at_once) {
      if (!is_good(talk_->reply(), kContent)) return false;
      --outstanding;
    }
  } while (!rest.empty());
  if (drops_before_reply(StopAt::dot)) return false;
  for (; outstanding > 1; --outstanding) {
    if (!is_good(talk_->reply(), kContent)) return false;
  }
  return content_reply();
}

bool Transaction::content_reply() {
  // LMTP answers for each recipient that it took (RFC 2033 section 4.2).
  const std::size_t replies = options_.hello_verb == "LHLO" ? recipients_ : 1;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < replies; ++i) {
    const Answer answer = talk_->reply();
    if (!answer) return lost(answer.error(), kContent);
    if (answer->is_positive()) ++taken;
    for (const Violation violation : options_.violations) {
      const bool of_message = violation <= Violation::no_dot_stuffing;
      if (of_message || violation == Violation::size_lie || violation == Violation::data_early)
        verdict(violation, answer);
    }
  }
  if (taken == 0) return ended(kContent);
  return goes_on_after(StopAt::dot);
}

bool Transaction::leave() {
  if (has(Violation::no_quit)) {
    talk_->close();
    return true;
  }
  talk_->queue("QUIT");
  const Answer first = talk_->reply();
  Answer answer = first;
  int unasked = 0;
  while (smuggles(options_.violations) && answer && answer->code() != 221 &&
         ++unasked < kMostUnasked)
    answer =
        unasked > 1 ? talk_->reply_within(kMoreUnasked, Expect::any) : talk_->reply(Expect::any);
  // One reply alone is the one to QUIT, whatever it says.
  if (unasked > 1 || (unasked == 1 && answer)) {
    report_.complain(fmt::format(
        "The server took commands out of the message ({} replies that nobody asked for)", unasked));
    status_ = kVulnerable;
  } else if (!first) {
    status_ = first.error().kind == Kind::closed ? kClosed : kQuit;
  } else if (!first->is_positive()) {
    status_ = kQuit;
  } else if (smuggles(options_.violations)) {
    report_.note("The server saw one letter: nothing was smuggled");
  }
  talk_->close();
  return true;
}

}  // namespace postern::send
