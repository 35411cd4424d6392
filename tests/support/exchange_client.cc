// SPDX-License-Identifier: Apache-2.0
#include "support/exchange_client.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace postern::test {

ExchangeClient::ExchangeClient(std::string ip, std::uint16_t port, ExchangeClientHabits habits)
    : ip_(std::move(ip)),
      port_(port),
      habits_(std::move(habits)),
      identity_(std::make_unique<SelfSigned>(habits_.hostname)) {}

ExchangeClient::~ExchangeClient() = default;

std::string ExchangeClient::reply() {
  std::string out;
  for (;;) {
    const std::optional<std::string> line = wire_ ? wire_->line() : std::nullopt;
    if (!line) {
      wire_.reset();
      return {};
    }
    if (!out.empty()) out += '\n';
    out += *line;
    if (line->size() < 4 || (*line)[3] != '-') return out;
  }
}

std::string ExchangeClient::ask(const std::string& line) {
  if (wire_ && !wire_->write(line + "\r\n")) wire_.reset();
  return reply();
}

std::string ExchangeClient::ehlo() {
  const std::string answer = ask("EHLO " + habits_.hostname);
  capabilities_.clear();
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    capabilities_.push_back(line.size() > 4 ? line.substr(4) : "");
  }
  return answer;
}

bool ExchangeClient::is_offered(const std::string& capability) const {
  return std::any_of(capabilities_.begin(), capabilities_.end(), [&](const std::string& line) {
    return line == capability || line.starts_with(capability + " ");
  });
}

std::string ExchangeClient::connect() {
  ++connections_;
  messages_ = 0;
  wire_ = Wire::connect(ip_, port_);
  if (!wire_) return "no connection";
  const std::string greeting = reply();
  if (!greeting.starts_with("220")) return "greeting: " + greeting;
  std::string answer = ehlo();
  if (!answer.starts_with("250")) return "EHLO: " + answer;
  if (!habits_.uses_starttls || !is_offered("STARTTLS")) return {};
  if (!ask("STARTTLS").starts_with("220")) return {};
  if (!wire_->handshake(identity_->context(), false)) return "handshake failed";
  answer = ehlo();
  return answer.starts_with("250") ? "" : "EHLO: " + answer;
}

ExchangeClient::Outcome ExchangeClient::send(const std::string& from,
                                             const std::vector<std::string>& to,
                                             const std::string& octets) {
  Outcome outcome;
  if (messages_ >= habits_.messages_per_connection) quit();
  if (!wire_) outcome.connection = connect();
  if (!outcome.connection.empty()) {
    wire_.reset();
    return outcome;
  }
  ++messages_;
  std::string mail = "MAIL FROM:<" + from + ">";
  if (is_offered("SIZE")) mail += " SIZE=" + std::to_string(octets.size());
  if (is_offered("8BITMIME")) mail += " BODY=8BITMIME";
  outcome.mail = ask(mail);
  if (!outcome.mail.starts_with("250")) return outcome;
  bool accepted = false;
  for (const std::string& address : to) {
    outcome.rcpt.push_back(ask("RCPT TO:<" + address + ">"));
    accepted = accepted || outcome.rcpt.back().starts_with("25");
  }
  if (habits_.tries_xexch50) outcome.xexch50 = ask("XEXCH50 1940 2");
  if (!accepted) {
    ask("RSET");
  } else if (habits_.uses_chunking && is_offered("CHUNKING")) {
    send_chunks(octets, outcome);
  } else {
    send_data(octets, outcome);
  }
  return outcome;
}

void ExchangeClient::send_data(const std::string& octets, Outcome& outcome) {
  const std::string go = ask("DATA");
  if (!go.starts_with("354")) {
    outcome.end = go;
    return;
  }
  std::string stuffed;
  std::size_t at = 0;
  while (at < octets.size()) {
    const std::size_t end = octets.find("\r\n", at);
    const std::string line = octets.substr(at, end == std::string::npos ? end : end - at);
    stuffed.append(line.starts_with('.') ? "." : "").append(line).append("\r\n");
    at = end == std::string::npos ? octets.size() : end + 2;
  }
  outcome.end = ask(stuffed + ".");
}

void ExchangeClient::send_chunks(const std::string& octets, Outcome& outcome) {
  std::size_t at = 0;
  std::size_t index = 0;
  std::size_t unanswered = 0;
  bool last = false;
  while (!last) {
    std::size_t size = octets.size() - at;
    if (!habits_.chunks.empty()) {
      size = std::min(size, habits_.chunks[std::min(index++, habits_.chunks.size() - 1)]);
    }
    const bool whole = at + size == octets.size();
    last = whole && (!habits_.ends_with_empty_chunk || size == 0);
    const std::string header = "BDAT " + std::to_string(size) + (last ? " LAST" : "") + "\r\n";
    if (!wire_ || !wire_->write(header + octets.substr(at, size))) break;
    at += size;
    if (last) break;
    ++unanswered;
    if (!habits_.pipelines_chunks) {
      outcome.chunks.push_back(reply());
      --unanswered;
    }
  }
  for (; unanswered > 0; --unanswered)
    outcome.chunks.push_back(reply());
  outcome.end = reply();
}

void ExchangeClient::quit() {
  if (wire_) ask("QUIT");
  wire_.reset();
}

}  // namespace postern::test
