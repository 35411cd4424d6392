// SPDX-License-Identifier: Apache-2.0
#include "support/exchange_session.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

namespace postern::test {
namespace {

std::string upper(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string lower(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// What stands between the first "<" and the last ">" of a command.
std::string address_in(const std::string& line) {
  const std::size_t open = line.find('<');
  const std::size_t close = line.find('>', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return lower(line.substr(open + 1, close - open - 1));
}

std::size_t count_received(const std::string& octets) {
  const std::string header = "\n" + lower(octets.substr(0, octets.find("\r\n\r\n")));
  std::size_t count = 0;
  for (std::size_t at = header.find("\nreceived:"); at != std::string::npos;
       at = header.find("\nreceived:", at + 1)) {
    ++count;
  }
  return count;
}

std::string field(const std::string& octets, const std::string& name) {
  std::istringstream lines(octets.substr(0, octets.find("\r\n\r\n")));
  for (std::string line; std::getline(lines, line);) {
    if (!lower(line).starts_with(lower(name) + ":")) continue;
    const std::size_t begin = line.find('<');
    return begin == std::string::npos ? "" : line.substr(begin, line.find('>') - begin + 1);
  }
  return "<none@" + name + ">";
}

}  // namespace

ExchangeSession::ExchangeSession(ExchangeServer& server,
                                 ExchangeServer::Session& session,
                                 std::size_t number)
    : server_(server),
      session_(session),
      wire_(*session.wire),
      habits_(server.habits_),
      number_(number) {}

void ExchangeSession::run() {
  if (!greet()) return;
  for (;;) {
    const std::optional<std::string> line = wire_.line();
    {
      const std::lock_guard lock(server_.mutex_);
      if (session_.cut) {
        wire_.write("421 4.4.1 Connection timed out\r\n");
        return;
      }
      if (!line || server_.stopping_) return;
      session_.last_command = server_.now_;
      server_.commands_.push_back(*line);
      server_.changed_.notify_all();
    }
    if (command(*line) == Go::end) return;
  }
}

bool ExchangeSession::greet() {
  bool too_many = false;
  {
    const std::lock_guard lock(server_.mutex_);
    const auto same_source =
        std::count_if(server_.sessions_.begin(), server_.sessions_.end(), [&](const auto& other) {
          return !other.over && other.source == session_.source;
        });
    too_many = static_cast<std::size_t>(same_source) > habits_.connections_per_source;
  }
  if (too_many) {
    say("421 4.3.2 The maximum number of concurrent connections has exceeded a limit, "
        "closing transmission channel");
    return false;
  }
  return say(At::connect,
             "220 " + habits_.hostname +
                 " Microsoft ESMTP MAIL Service ready at Mon, 20 Jul 2026 10:00:00 +0300") ==
         Go::on;
}

ExchangeSession::Go ExchangeSession::say(std::string_view reply) {
  return wire_.write(std::string(reply) + "\r\n") ? Go::on : Go::end;
}

ExchangeSession::Go ExchangeSession::say(At at, std::string_view usual) {
  const Turn turn = misbehave(at);
  if (turn == Turn::end) return Go::end;
  return turn == Turn::replaced ? Go::on : say(usual);
}

ExchangeSession::Turn ExchangeSession::misbehave(At at) {
  std::unique_lock lock(server_.mutex_);
  std::list<Fault>& planned = server_.faults_[at];
  if (planned.empty()) return Turn::usual;
  if (planned.front().skip > 0) {
    --planned.front().skip;
    return Turn::usual;
  }
  const Fault fault = planned.front();
  if (--planned.front().times == 0) planned.pop_front();
  if (fault.kind == Fault::Kind::hold) {
    const std::size_t before = server_.releases_;
    ++server_.held_;
    server_.changed_.notify_all();
    server_.wait(lock, [&] { return server_.releases_ != before || server_.stopping_; });
    --server_.held_;
    return server_.stopping_ ? Turn::end : Turn::usual;
  }
  if (fault.kind == Fault::Kind::reset) wire_.abort();
  lock.unlock();
  if (fault.kind == Fault::Kind::say || fault.kind == Fault::Kind::say_and_close) {
    if (say(fault.reply) == Go::end) return Turn::end;
  }
  return fault.kind == Fault::Kind::say ? Turn::replaced : Turn::end;
}

ExchangeSession::Go ExchangeSession::command(const std::string& line) {
  const std::string verb = upper(line.substr(0, line.find(' ')));
  if (verb == "EHLO" && habits_.knows_ehlo) return on_ehlo(line, true);
  if (verb == "HELO") return on_ehlo(line, false);
  if (verb == "STARTTLS" && habits_.offers_starttls && !wire_.is_tls()) return on_starttls();
  if (verb == "MAIL") return on_mail(line);
  if (verb == "RCPT") return on_rcpt(line);
  if (verb == "DATA") return on_data();
  if (verb == "BDAT" && has("CHUNKING")) return on_bdat(line);
  if (verb == "RSET") {
    in_transaction_ = chunks_refused_ = false;
    return say(At::rset, "250 2.0.0 Resetting");
  }
  if (verb == "NOOP") return say("250 2.0.0 OK");
  if (verb == "QUIT") {
    say(At::quit, "221 2.0.0 Service closing transmission channel");
    return Go::end;
  }
  return say("500 5.3.3 Unrecognized command");
}

bool ExchangeSession::has(std::string_view capability) const {
  return std::any_of(
      habits_.capabilities.begin(), habits_.capabilities.end(), [&](const std::string& line) {
        return line.substr(0, line.find(' ')) == capability;
      });
}

std::string ExchangeSession::capabilities() const {
  std::vector<std::string> lines = {habits_.hostname + " Hello [" + session_.source + "]"};
  lines.insert(lines.end(), habits_.capabilities.begin(), habits_.capabilities.end());
  if (habits_.offers_starttls && !wire_.is_tls()) lines.emplace_back("STARTTLS");
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty()) out += "\r\n";
    out.append(&line == &lines.back() ? "250 " : "250-").append(line);
  }
  return out;
}

ExchangeSession::Go ExchangeSession::on_ehlo(const std::string& line, bool extended) {
  helo_ = line.size() > 5 ? line.substr(5) : "";
  in_transaction_ = false;
  if (extended) return say(At::ehlo, capabilities());
  return say(At::helo, "250 " + habits_.hostname + " Hello [" + session_.source + "]");
}

ExchangeSession::Go ExchangeSession::on_starttls() {
  const Turn turn = misbehave(At::starttls);
  if (turn != Turn::usual) return turn == Turn::end ? Go::end : Go::on;
  say("220 2.0.0 SMTP server ready");
  if (habits_.breaks_handshake) {
    // Not a TLS record: the peer's handshake fails at once. Its own first octets are waited for,
    // since a reply before them would be taken for an injected one.
    std::string hello;
    wire_.read(1, hello);
    say("454 4.7.0 the certificate store is not available, try again in a while");
    wire_.line();
    return Go::end;
  }
  in_transaction_ = false;
  return wire_.handshake(server_.certificate_.context(), true) ? Go::on : Go::end;
}

ExchangeSession::Go ExchangeSession::on_mail(const std::string& line) {
  const Turn turn = misbehave(At::mail);
  if (turn != Turn::usual) return turn == Turn::end ? Go::end : Go::on;
  if (helo_.empty()) return say("503 5.5.2 Send hello first");
  if (in_transaction_) return say("503 5.5.2 Sender already specified");
  const std::size_t size = upper(line).find(" SIZE=");
  if (size != std::string::npos && std::stoull(line.substr(size + 6)) > habits_.max_octets) {
    return say("552 5.3.4 Message size exceeds fixed maximum message size");
  }
  mail_ = Mail();
  mail_.session = number_;
  mail_.helo = helo_;
  mail_.tls = wire_.is_tls();
  mail_.tls_resumed = wire_.is_resumed();
  mail_.mail = line;
  in_transaction_ = true;
  chunks_refused_ = false;
  return say("250 2.1.0 Sender OK");
}

std::string ExchangeSession::recipient_verdict(const std::string& line) const {
  if (!in_transaction_) return "503 5.5.2 Need mail command";
  if (mail_.rcpt.size() >= habits_.recipients) return "452 4.5.3 Too many recipients";
  const std::string address = address_in(line);
  const std::string domain = address.substr(address.rfind('@') + 1);
  const bool own = habits_.domains.contains(domain);
  if (!own && !habits_.relay_right) return "550 5.7.1 Unable to relay";
  if (habits_.unknown.contains(address)) {
    return "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup";
  }
  return "250 2.1.5 Recipient OK";
}

ExchangeSession::Go ExchangeSession::on_rcpt(const std::string& line) {
  const Turn turn = misbehave(At::rcpt);
  if (turn != Turn::usual) return turn == Turn::end ? Go::end : Go::on;
  const std::string verdict = recipient_verdict(line);
  if (verdict.starts_with("250")) mail_.rcpt.push_back(line);
  return say(verdict);
}

ExchangeSession::Go ExchangeSession::on_data() {
  const Turn turn = misbehave(At::data);
  if (turn != Turn::usual) return turn == Turn::end ? Go::end : Go::on;
  if (!in_transaction_ || mail_.rcpt.empty()) return say("503 5.5.2 Need rcpt command");
  say("354 Start mail input; end with <CRLF>.<CRLF>");
  bool first = true;
  for (;;) {
    const std::optional<std::string> line = wire_.line();
    if (!line) return Go::end;
    if (std::exchange(first, false) && misbehave(At::content) == Turn::end) return Go::end;
    if (*line == ".") break;
    mail_.octets.append(line->starts_with('.') ? line->substr(1) : *line).append("\r\n");
  }
  return end_of_message(At::end_of_data);
}

ExchangeSession::Go ExchangeSession::end_of_message(At at) {
  const Turn turn = misbehave(at);
  in_transaction_ = false;
  if (turn == Turn::usual) return take_message();
  // The lost 250: the message was taken, and nobody is told.
  if (turn == Turn::end) store();
  return turn == Turn::end ? Go::end : Go::on;
}

ExchangeSession::Go ExchangeSession::on_bdat(const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  std::string last;
  std::size_t size = 0;
  words >> verb >> size >> last;
  if (!wire_.read(size, mail_.octets)) return Go::end;
  mail_.chunks.push_back(size);
  const bool is_last = upper(last) == "LAST";
  if (chunks_refused_ || !in_transaction_ || mail_.rcpt.empty()) {
    return say("503 5.5.2 BDAT command not valid here");
  }
  if (is_last) return end_of_message(At::last_chunk);
  const Turn turn = misbehave(At::chunk);
  chunks_refused_ = turn == Turn::replaced;
  if (turn != Turn::usual) return turn == Turn::end ? Go::end : Go::on;
  if (mail_.octets.size() > habits_.max_octets) {
    chunks_refused_ = true;
    return say("552 5.3.4 Message size exceeds fixed maximum message size");
  }
  return say("250 2.6.0 CHUNK received OK, " + std::to_string(size) + " octets");
}

std::string ExchangeSession::message_verdict() const {
  if (mail_.octets.size() > habits_.max_octets) {
    return "552 5.3.4 Message size exceeds fixed maximum message size";
  }
  if (count_received(mail_.octets) > habits_.max_hops) {
    return "554 5.4.6 Hop count exceeded - possible mail loop";
  }
  return {};
}

std::size_t ExchangeSession::store() {
  const std::lock_guard lock(server_.mutex_);
  server_.mails_.push_back(mail_);
  server_.changed_.notify_all();
  return server_.mails_.size();
}

ExchangeSession::Go ExchangeSession::take_message() {
  const std::string refusal = message_verdict();
  if (!refusal.empty()) return say(refusal);
  const std::size_t id = store();
  return say("250 2.6.0 " + field(mail_.octets, "Message-ID") + " [InternalId=" +
             std::to_string(id) + ", Hostname=" + habits_.hostname + "] Queued mail for delivery");
}

}  // namespace postern::test
