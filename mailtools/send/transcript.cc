// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/transcript.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::send {
namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::size_t kDumpOctets = 16;

/// The lines of `text`, without their CRLF.
template <class Each>
void each_line(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    each(line);
  }
}

}  // namespace

std::string sentence(const talk::TalkError& error) {
  using Failure = talk::TalkError::Kind;
  switch (error.kind) {
    case Failure::unreachable:
      return "Error connecting to " + error.detail;
    case Failure::timed_out:
      return "Timeout: " + error.detail;
    case Failure::closed:
      return "Remote host closed connection unexpectedly (" + error.detail + ")";
    case Failure::tls:
      return "TLS startup failed (" + error.detail + ")";
    case Failure::bad_reply:
      return "This is no SMTP reply (" + error.detail + ")";
    case Failure::refused:
    case Failure::local:
      break;
  }
  return error.detail;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto octet = static_cast<unsigned char>(c);
    // Control characters of the upper half, as UTF-8 has them.
    const bool second = octet == 0xC2 && at + 1 < text.size() &&
                        static_cast<unsigned char>(text[at + 1]) < 0xA0 &&
                        static_cast<unsigned char>(text[at + 1]) >= 0x80;
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\0') {
      out += "\\0";
    } else if ((octet < 0x20 && c != '\t') || octet == 0x7F || second) {
      out += fmt::format("\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out;
}

Transcript::Transcript(const OutputOptions& options,
                       std::ostream& out,
                       std::ostream& err,
                       bool colour)
    : options_(options), out_(out), err_(err), colour_(colour) {}

bool Transcript::is_shown(Kind kind) {
  const bool error = kind == Kind::error || kind == Kind::unexpected;
  seen_error_ = seen_error_ || error;
  if (options_.silent >= 3 || (options_.silent == 2 && !error)) return false;
  if (options_.silent == 1 && !seen_error_) return false;
  if (kind == Kind::sent) return !options_.hide_send;
  if (kind == Kind::received || kind == Kind::unexpected) return !options_.hide_receive;
  return kind != Kind::info || !options_.hide_info;
}

void Transcript::print(Kind kind, std::string_view hint, std::string_view text) {
  if (!is_shown(kind)) return;
  std::string_view colour;
  if (colour_) {
    if (kind == Kind::info) colour = "\x1b[2m";
    if (kind == Kind::received) colour = "\x1b[32m";
    if (kind == Kind::error || kind == Kind::unexpected) colour = "\x1b[31m";
  }
  const bool hinted = kind == Kind::sent ? options_.hint_send
                      : kind == Kind::received || kind == Kind::unexpected
                          ? options_.hint_receive
                          : kind == Kind::raw || options_.hint_info;
  std::ostream& stream = kind == Kind::error ? err_ : out_;
  stream << colour << (hinted ? hint : "") << (hinted ? " " : "") << escaped(text)
         << (colour.empty() ? "" : kReset) << std::endl;
}

/// swaks' dump: sixteen octets a line, then what can be printed of them.
void Transcript::print_raw(std::string_view hint, std::string_view octets) {
  if (!options_.raw) return;
  for (std::size_t at = 0; at < octets.size(); at += kDumpOctets) {
    std::string hex;
    std::string text;
    for (const char c : octets.substr(at, kDumpOctets)) {
      const auto octet = static_cast<unsigned char>(c);
      hex += fmt::format("{:02x} ", octet);
      text += octet >= 0x20 && octet < 0x7F ? c : '.';
    }
    print(Kind::raw, hint, fmt::format("{:<48} {}", hex, text));
  }
}

void Transcript::begin(unsigned long letter) {
  if (letter > 1) print(Kind::info, "===", fmt::format("Letter {}", letter));
}

void Transcript::note(std::string_view text) {
  each_line(text, [this](std::string_view line) { print(Kind::info, "===", line); });
}

void Transcript::complain(std::string_view text) {
  each_line(text, [this](std::string_view line) { print(Kind::error, "***", line); });
}

void Transcript::on_connecting(const std::string& host, const net::Endpoint& to) {
  host_ = host;
  const std::string address = to.address().to_string();
  const std::string also = address == host ? "" : fmt::format(" ({})", address);
  print(Kind::info, "===", fmt::format("Trying {}:{}{}...", host, to.port(), also));
}

void Transcript::on_connected(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) {
  print(Kind::info, "===", fmt::format("Connected to {}.", host_));
}

void Transcript::on_line(std::string_view line, bool tls) {
  print(Kind::sent, tls ? " ~>" : " ->", line);
  print_raw("  >", fmt::format("{}\r\n", line));
}

void Transcript::on_block(std::string_view octets, bool tls) {
  const std::string_view hint = tls ? " ~>" : " ->";
  if (options_.suppress_data) {
    const auto lines = std::count(octets.begin(), octets.end(), '\n');
    print(Kind::sent, hint, fmt::format("{} lines sent", lines));
  } else {
    each_line(octets, [&](std::string_view line) { print(Kind::sent, hint, line); });
  }
  print_raw("  >", octets);
}

void Transcript::on_reply(const talk::Received& received, bool tls) {
  const double seconds = std::chrono::duration<double>(received.after).count();
  if (options_.time_lapse == TimeLapse::exact)
    print(Kind::info, "===", fmt::format("response in {:.3f}s", seconds));
  if (options_.time_lapse == TimeLapse::seconds)
    print(Kind::info, "===", fmt::format("response in {:.0f}s", seconds));
  const Kind kind = received.expected ? Kind::received : Kind::unexpected;
  const std::string_view hint = received.expected ? (tls ? "<~ " : "<- ") : (tls ? "<~*" : "<**");
  each_line(received.lines, [&](std::string_view line) { print(kind, hint, line); });
  print_raw("<  ", fmt::format("{}\r\n", received.lines));
}

void Transcript::on_tls(const talk::TlsFacts& facts) {
  note(fmt::format("TLS started with cipher {}:{}:{}", facts.version, facts.cipher, facts.bits));
  note(facts.own_subject.empty() ? "TLS no local certificate set"
                                 : fmt::format("TLS local DN=\"{}\"", facts.own_subject));
  note(fmt::format("TLS peer DN=\"{}\"", facts.subject));
  note(fmt::format("TLS peer certificate: for {}, by \"{}\", until {}, {}",
                   fmt::join(facts.names, ", "),
                   facts.issuer,
                   facts.not_after,
                   facts.verified ? "verified" : "not verified"));
}

void Transcript::on_error(const talk::TalkError& error) {
  complain(sentence(error));
}

void Transcript::on_closed() {
  print(Kind::info, "===", "Connection closed with remote host.");
}

}  // namespace postern::send
