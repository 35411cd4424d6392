// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/json_record.h"

#include "mailtools/send/mime.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::send {
namespace {

std::string json_endpoint(const net::Endpoint& endpoint) {
  return fmt::format("{{\"address\":{},\"port\":{}}}",
                     json_string(endpoint.address().to_string()),
                     endpoint.port());
}

std::string json_list(const std::vector<std::string>& items) {
  return fmt::format("[{}]", fmt::join(items, ","));
}

double milliseconds(net::Clock::duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

std::string_view kind_name(talk::TalkError::Kind kind) {
  using Failure = talk::TalkError::Kind;
  switch (kind) {
    case Failure::unreachable:
      return "unreachable";
    case Failure::timed_out:
      return "timed_out";
    case Failure::closed:
      return "closed";
    case Failure::tls:
      return "tls";
    case Failure::bad_reply:
      return "bad_reply";
    case Failure::refused:
      return "refused";
    case Failure::local:
      break;
  }
  return "local";
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto octet = static_cast<unsigned char>(text[at]);
    if (octet < 0x80) {
      if (octet == '"' || octet == '\\') {
        out.append(1, '\\').append(1, text[at]);
      } else if (octet < 0x20 || octet == 0x7F) {
        out += fmt::format("\\u{:04x}", octet);
      } else {
        out += text[at];
      }
      ++at;
      continue;
    }
    std::size_t octets = 0;
    for (std::size_t length = 2; length <= 4 && octets == 0; ++length) {
      const std::string_view one = text.substr(at, length);
      if (one.size() == length && is_utf8(one)) octets = length;
    }
    out.append(octets == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, octets));
    at += std::max<std::size_t>(octets, 1);
  }
  return out + '"';
}

void JsonRecord::begin(unsigned long letter) {
  letter_ = letter;
  began_ = net::Clock::now();
  server_ = remote_ = local_ = tls_ = "null";
  dialogue_.clear();
  notes_.clear();
  errors_.clear();
}

void JsonRecord::end(int status) {
  out_ << fmt::format(
              "{{\"letter\":{},\"status\":{},\"server\":{},\"remote\":{},\"local\":{},\"tls\":{},"
              "\"dialogue\":{},\"notes\":{},\"errors\":{},\"ms\":{:.3f}}}",
              letter_,
              status,
              server_,
              remote_,
              local_,
              tls_,
              json_list(dialogue_),
              json_list(notes_),
              json_list(errors_),
              milliseconds(net::Clock::now() - began_))
       << std::endl;
}

void JsonRecord::note(std::string_view text) {
  notes_.push_back(json_string(text));
}

void JsonRecord::complain(std::string_view text) {
  errors_.push_back(fmt::format("{{\"kind\":\"local\",\"text\":{}}}", json_string(text)));
}

void JsonRecord::on_connecting(const std::string& host, const net::Endpoint& /*to*/) {
  server_ = json_string(host);
}

void JsonRecord::on_connected(const net::Endpoint& local, const net::Endpoint& remote) {
  local_ = json_endpoint(local);
  remote_ = json_endpoint(remote);
}

void JsonRecord::on_line(std::string_view line, bool tls) {
  dialogue_.push_back(fmt::format("{{\"sent\":{},\"tls\":{}}}", json_string(line), tls));
}

void JsonRecord::on_block(std::string_view octets, bool tls) {
  const auto lines = std::count(octets.begin(), octets.end(), '\n');
  dialogue_.push_back(fmt::format(
      "{{\"sent_octets\":{},\"sent_lines\":{},\"tls\":{}}}", octets.size(), lines, tls));
}

void JsonRecord::on_reply(const talk::Received& received, bool tls) {
  const smtp::Reply& reply = received.reply;
  dialogue_.push_back(fmt::format(
      "{{\"code\":{},\"enhanced\":{},\"text\":{},\"expected\":{},\"tls\":{},\"ms\":{:.3f}}}",
      reply.code(),
      reply.status().empty() ? "null" : json_string(reply.status().str()),
      json_string(reply.text()),
      received.expected,
      tls,
      milliseconds(received.after)));
}

void JsonRecord::on_tls(const talk::TlsFacts& facts) {
  std::vector<std::string> names;
  for (const std::string& name : facts.names)
    names.push_back(json_string(name));
  tls_ = fmt::format(
      "{{\"version\":{},\"cipher\":{},\"bits\":{},\"verified\":{},\"subject\":{},\"issuer\":{},"
      "\"names\":{},\"not_before\":{},\"not_after\":{},\"sha256\":{}}}",
      json_string(facts.version),
      json_string(facts.cipher),
      facts.bits,
      facts.verified,
      json_string(facts.subject),
      json_string(facts.issuer),
      json_list(names),
      json_string(facts.not_before),
      json_string(facts.not_after),
      json_string(facts.fingerprint));
}

void JsonRecord::on_error(const talk::TalkError& error) {
  errors_.push_back(fmt::format(
      "{{\"kind\":\"{}\",\"text\":{}}}", kind_name(error.kind), json_string(error.detail)));
}

}  // namespace postern::send
