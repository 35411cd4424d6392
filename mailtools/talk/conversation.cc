// SPDX-License-Identifier: Apache-2.0
#include "mailtools/talk/conversation.h"

#include "base/endpoint_text.h"
#include "base/printable.h"
#include "mailtools/talk/client_tls.h"
#include "mailtools/talk/connector.h"
#include "mailtools/talk/link.h"
#include "smtp/address.h"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::talk {
namespace {

/// How long a connection that takes nothing any more is asked for what the server said before.
constexpr std::chrono::seconds kLastWords{1};
/// Each has the whole of Target::timeout: a slow line is no dead one.
constexpr std::size_t kPiece = std::size_t{256} << 10;

bool is_hoped_for(int code, Expect expect) {
  if (expect == Expect::any) return true;
  return code / 100 == (expect == Expect::go_ahead ? 3 : 2);
}

}  // namespace

Conversation::Conversation(const Target& target, Observer& observer)
    : target_(target), observer_(observer), link_(std::make_unique<Link>()) {}

Conversation::~Conversation() = default;

Result<std::unique_ptr<Conversation>, TalkError> Conversation::open(const Target& target,
                                                                    Observer& observer) {
  std::unique_ptr<Conversation> out(new Conversation(target, observer));
  if (Done connected = out->connect(); !connected) return std::move(connected).error();
  if (!target.preamble.empty()) {
    out->queue_octets(target.preamble, target.preamble_shown);
    if (Done sent = out->flush(); !sent) return std::move(sent).error();
  }
  return out;
}

Conversation::Done Conversation::connect() {
  net::Endpoint from(net::Endpoint::protocol_type::v4(), target_.local_port);
  if (!target_.local.empty()) {
    Target own;
    own.host = target_.local;
    own.port = target_.local_port;
    own.family = target_.family;
    const auto addresses = addresses_of(own);
    if (!addresses) return told({TalkError::Kind::local, addresses.error().detail});
    from = addresses->front();
  }
  const auto addresses = addresses_of(target_);
  if (!addresses) return told(addresses.error());
  TalkError last{TalkError::Kind::unreachable, fmt::format("no address for {}", target_.host)};
  for (const net::Endpoint& to : *addresses) {
    observer_.on_connecting(target_.host, to);
    const net::TimePoint until = deadline();
    smtp::Connected connected =
        link_->run(connect_from(link_->context.get_executor(), to, from, until));
    if (!connected.ec) {
      link_->stream = std::make_unique<tls::Stream>(std::move(connected.socket));
      link_->local = link_->stream->local();
      link_->remote = link_->stream->remote();
      observer_.on_connected(link_->local, link_->remote);
      sent_at_ = net::Clock::now();
      return {};
    }
    const bool late = connected.ec == net::asio::error::timed_out;
    last = told({late ? TalkError::Kind::timed_out : TalkError::Kind::unreachable,
                 fmt::format("{}: {}", endpoint_text(to), connected.ec.message())});
  }
  return last;
}

Conversation::Answer Conversation::hello(std::string_view verb, std::string_view name) {
  Answer got = command(fmt::format("{} {}", verb, name));
  if (!got || got->code() / 100 != 2) return got;
  hello_ = got->text();
  capabilities_ =
      smtp::iequals(verb, "HELO") ? smtp::Capabilities{} : smtp::parse_capabilities(hello_);
  return got;
}

Conversation::Answer Conversation::command(std::string_view line, Expect expect) {
  queue(line);
  return reply(expect);
}

Conversation::Done Conversation::start_tls(const TlsTerms& terms) {
  using Kind = TalkError::Kind;
  if (Done sent = flush(); !sent) return sent;
  if (!link_->input.empty()) {
    return told({Kind::tls,
                 fmt::format("behind its 220 to STARTTLS the server has said, in plain: {}",
                             printable(link_->input))});
  }
  auto made = ClientTls::make(terms);
  if (!made) return told(std::move(made).error());
  link_->handshake = std::move(*made);
  tls::Stream& stream = *link_->stream;
  stream.expires_at(deadline());
  const net::error_code ec = link_->run(stream.handshake_client(
      link_->handshake->context(), ClientTls::terms_for(terms, target_.host)));
  if (ec) {
    const tls::PeerOutcome& peer = stream.peer();
    const bool of_peer = peer.failure != tls::Failure::none;
    return told({ec == net::asio::error::timed_out ? Kind::timed_out : Kind::tls,
                 of_peer ? peer.detail : ec.message(),
                 peer.failure});
  }
  facts_ = link_->handshake->facts(stream);
  capabilities_ = {};
  hello_.clear();
  observer_.on_tls(*facts_);
  sent_at_ = net::Clock::now();
  return {};
}

void Conversation::queue(std::string_view line, std::string_view end) {
  observer_.on_line(line, tls() != nullptr);
  output_.append(line).append(end);
}

void Conversation::queue_octets(std::string_view octets, std::string_view shown) {
  observer_.on_line(shown, tls() != nullptr);
  output_ += octets;
}

void Conversation::send_block(std::string_view octets) {
  observer_.on_block(octets, tls() != nullptr);
  write(std::exchange(output_, {}));
  write(octets);
}

void Conversation::write(std::string_view octets) {
  while (!octets.empty() && !write_error_) {
    const std::string_view piece = octets.substr(0, kPiece);
    octets.remove_prefix(piece.size());
    link_->stream->expires_at(deadline());
    sent_at_ = net::Clock::now();
    const tls::Stream::IoResult done = link_->run(link_->stream->write(piece));
    if (done.ec) write_error_ = lost(done.ec, "what was sent was not taken");
  }
}

Conversation::Done Conversation::flush() {
  write(std::exchange(output_, {}));
  if (write_error_) return told(*write_error_);
  return {};
}

Conversation::Answer Conversation::reply(Expect expect) {
  if (!output_.empty()) write(std::exchange(output_, {}));
  if (write_error_) {
    Answer words = next_reply(net::Clock::now() + kLastWords, expect);
    return words ? words : Answer(told(*write_error_));
  }
  Answer got = next_reply(deadline(), expect);
  return got ? got : Answer(told(std::move(got).error()));
}

Conversation::Answer Conversation::reply_within(std::chrono::milliseconds limit, Expect expect) {
  if (!output_.empty()) write(std::exchange(output_, {}));
  return next_reply(net::Clock::now() + limit, expect);
}

Conversation::Answer Conversation::next_reply(net::TimePoint until, Expect expect) {
  for (;;) {
    std::string_view rest = link_->input;
    const Result<smtp::ReplyParser::Got> got = parser_.parse(rest);
    lines_.append(link_->input, 0, link_->input.size() - rest.size());
    link_->input.erase(0, link_->input.size() - rest.size());
    if (!got) {
      const std::string what = masked(std::exchange(lines_, {}));
      return TalkError{TalkError::Kind::bad_reply,
                       fmt::format("{}: {}", got.error().message(), printable(what))};
    }
    if (*got == smtp::ReplyParser::Got::reply) break;
    link_->stream->expires_at(until);
    const tls::Stream::IoResult read = link_->run(link_->stream->read_some(link_->block));
    if (read.ec) return lost(read.ec, "no reply came");
    link_->input.append(link_->block.data(), read.octets);
  }
  const smtp::Reply raw = parser_.take();
  challenge_ = raw.text();
  // RFC 5802 section 3: a server's signature lets a password be guessed, as the client's proof.
  const bool hidden = hides_challenges_ && raw.code() == 334;
  const smtp::Reply reply(
      raw.code(), raw.status(), Text(hidden ? std::string(kHidden) : masked(raw.text())));
  std::string lines = masked(std::exchange(lines_, {}));
  if (hidden) lines = fmt::format("334 {}", kHidden);
  while (lines.ends_with('\n') || lines.ends_with('\r'))
    lines.pop_back();
  const net::Clock::duration after = net::Clock::now() - sent_at_;
  observer_.on_reply(Received{reply, lines, is_hoped_for(reply.code(), expect), after},
                     tls() != nullptr);
  return reply;
}

TalkError Conversation::lost(net::error_code ec, std::string_view what) const {
  using Kind = TalkError::Kind;
  if (ec == net::asio::error::timed_out) {
    const double seconds = std::chrono::duration<double>(target_.timeout).count();
    return {Kind::timed_out, fmt::format("{} within {:g} s", what, seconds)};
  }
  if (ec == net::asio::error::eof) return {Kind::closed, "the server has closed the connection"};
  return {Kind::closed, fmt::format("the connection is lost: {}", ec.message())};
}

TalkError Conversation::told(TalkError error) {
  observer_.on_error(error);
  return error;
}

net::TimePoint Conversation::deadline() const {
  if (target_.timeout.count() == 0) return net::TimePoint::max();
  return net::Clock::now() + target_.timeout;
}

std::string Conversation::masked(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = out.find(secret); at != out.npos; at = out.find(secret, at)) {
      out.replace(at, secret.size(), kHidden);
      at += kHidden.size();
    }
  }
  return out;
}

bool Conversation::has_unread() {
  return !link_->input.empty() || !link_->stream->is_quiet();
}

Conversation::Answer Conversation::quit() {
  Answer got = command("QUIT");
  close();
  return got;
}

void Conversation::close() {
  if (!is_open()) return;
  link_->stream->close();
  observer_.on_closed();
}

std::optional<std::string> Conversation::offered(std::string_view keyword) const {
  std::string_view rest = hello_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const bool greeting = rest.size() == hello_.size();
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t word = std::min(line.find(' '), line.size());
    if (greeting || !smtp::iequals(line.substr(0, word), keyword)) continue;
    return std::string(line.substr(std::min(word + 1, line.size())));
  }
  return std::nullopt;
}

bool Conversation::is_open() const {
  return link_->stream->is_open();
}

const net::Endpoint& Conversation::remote() const {
  return link_->remote;
}

const net::Endpoint& Conversation::local() const {
  return link_->local;
}

}  // namespace postern::talk
