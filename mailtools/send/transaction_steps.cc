// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/mime.h"
#include "mailtools/send/transaction.h"

#include <fmt/format.h>

#include <algorithm>

// What the steps of a transaction have in common, and its lines.

namespace postern::send {
namespace {

constexpr std::size_t kLongCommand = 5000;
/// For QUIT's reply, of a server that has not answered before.
constexpr std::chrono::seconds kLastReply{5};

/// More than lines of text that end with CRLF (RFC 3030 section 3).
bool is_binary(std::string_view message) {
  for (std::size_t at = 0; at < message.size(); ++at) {
    const char c = message[at];
    if (c == '\0') return true;
    if (c == '\n' && (at == 0 || message[at - 1] != '\r')) return true;
    if (c == '\r' && (at + 1 == message.size() || message[at + 1] != '\n')) return true;
  }
  return false;
}

}  // namespace

/// As swaks: QUIT, and the status of what went wrong, whatever becomes of QUIT. False.
bool Transaction::ended(int status) {
  status_ = status;
  if (!talk_ || !talk_->is_open()) return false;
  talk_->queue("QUIT");
  const auto limit = options_.target.timeout.count() == 0
                         ? std::chrono::milliseconds(kLastReply)
                         : std::min<std::chrono::milliseconds>(options_.target.timeout, kLastReply);
  talk_->reply_within(limit, talk::Expect::success);
  talk_->close();
  return false;
}

bool Transaction::lost(const talk::TalkError& error, int status) {
  using Failure = talk::TalkError::Kind;
  if (error.kind == Failure::timed_out || error.kind == Failure::bad_reply) return ended(status);
  status_ = error.kind == Failure::closed ? int{kClosed} : status;
  talk_->close();
  return false;
}

bool Transaction::is_good(const Answer& answer, int status) {
  if (!answer) return lost(answer.error(), status);
  return answer->is_positive() || ended(status);
}

bool Transaction::drops_before_reply(StopAt at) {
  if (options_.drop_after_send != at) return false;
  talk_->flush();
  report_.note("Dropping connection");
  talk_->close();
  return true;
}

std::optional<Transaction::Answer> Transaction::ask(std::string_view line,
                                                    StopAt at,
                                                    talk::Expect expect) {
  talk_->queue(line);
  if (drops_before_reply(at)) return std::nullopt;
  return talk_->reply(expect);
}

bool Transaction::goes_on_after(StopAt at) {
  if (options_.drop_after == at) {
    report_.note("Dropping connection");
    talk_->close();
    return false;
  }
  return options_.quit_after != at || ended(kDone);
}

void Transaction::verdict(Violation violation, const Answer& answer) {
  if (!answer) return;
  report_.note(fmt::format("Violation {}: {} ({})",
                           name_of(violation),
                           answer->is_positive() ? "the server took it" : "the server refused it",
                           answer->code()));
}

void Transaction::probe_with(Violation violation, std::string_view line) {
  if (!has(violation) || !talk_->is_open()) return;
  const Answer answer = talk_->command(line, talk::Expect::any);
  verdict(violation, answer);
  // What follows is a message for such a server.
  if (answer && answer->code() == 354) talk_->command(".", talk::Expect::any);
}

bool Transaction::probe() {
  probe_with(Violation::nul_command, std::string_view("NOOP a\0b", 8));
  probe_with(Violation::long_command, "NOOP " + std::string(kLongCommand, 'x'));
  if (!options_.to.empty()) probe_with(Violation::rcpt_first, rcpt_line(options_.to.front()));
  probe_with(Violation::data_first, "DATA");
  return true;
}

std::string Transaction::path(std::string_view verb, const std::string& address) const {
  const std::string_view gap = has(Violation::space_after_colon) ? " " : "";
  if (has(Violation::unbracketed)) return fmt::format("{}{}{}", verb, gap, address);
  return fmt::format("{}{}<{}>", verb, gap, address);
}

std::string Transaction::mail_line() const {
  const smtp::Capabilities& offered = talk_->capabilities();
  std::string out = path("MAIL FROM:", options_.from);
  const bool eight = !is_ascii(message_) && !has(Violation::eight_bit_unasked);
  if (options_.chunking && offered.binarymime && is_binary(message_)) {
    out += " BODY=BINARYMIME";
  } else if (eight && offered.eight_bit_mime) {
    out += " BODY=8BITMIME";
  }
  if (options_.smtputf8) out += " SMTPUTF8";
  if (options_.requiretls) out += " REQUIRETLS";
  if (!options_.dsn.ret.empty()) out += " RET=" + options_.dsn.ret;
  if (!options_.dsn.envid.empty()) out += " ENVID=" + options_.dsn.envid;
  if (has(Violation::size_lie)) out += " SIZE=1";
  if (has(Violation::unknown_parameter)) out += " XPOSTERN=1";
  return out;
}

std::string Transaction::rcpt_line(const std::string& recipient) const {
  std::string out = path("RCPT TO:", recipient);
  if (!options_.dsn.notify.empty()) out += " NOTIFY=" + options_.dsn.notify;
  return out;
}

std::string Transaction::smuggled_envelope() const {
  std::string out = fmt::format("MAIL FROM:<{}>\r\n", options_.from);
  for (const std::string& recipient : options_.to)
    out += fmt::format("RCPT TO:<{}>\r\n", recipient);
  return out + "DATA\r\n";
}

bool Transaction::extensions_are_there() {
  const smtp::Capabilities& offered = talk_->capabilities();
  const auto missing = [this](std::string_view name) {
    report_.complain(fmt::format("Host did not advertise {}", name));
    return ended(kNotOffered);
  };
  if (options_.smtputf8 && !offered.smtputf8) return missing("SMTPUTF8");
  if (options_.requiretls && !offered.requiretls) return missing("REQUIRETLS");
  const DsnOptions& dsn = options_.dsn;
  const bool wants_dsn = !dsn.notify.empty() || !dsn.ret.empty() || !dsn.envid.empty();
  if (wants_dsn && !offered.dsn) return missing("DSN");
  if (options_.chunking && !offered.chunking) return missing("CHUNKING");
  const bool eight = !is_ascii(message_) && !offered.eight_bit_mime;
  if (eight && !has(Violation::eight_bit_unasked))
    report_.note("The letter has octets above 127, and the host did not advertise 8BITMIME");
  return true;
}

}  // namespace postern::send
