// SPDX-License-Identifier: Apache-2.0
#include "auth/account_table.h"
#include "base/metrics.h"
#include "smtp/replies.h"
#include "smtp/session/server_session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>

// Who the client is: a balancer's PROXY header (docs/clients.md), XCLIENT, and what follows from
// it.

namespace postern::smtp {
namespace {

constexpr std::size_t kPeekOctets = 512;
constexpr std::string_view kProxyWord = "PROXY ";
constexpr std::string_view kGone = "gone before a header";
constexpr std::string_view kLate = "no PROXY header in time";

}  // namespace

/// Before the greeting, and before TLS from the first octet. False: the session is over.
net::Awaitable<bool> ServerSession::let_in() {
  ends_ = net::Clock::now() + options_.timeouts.session;
  if (facts_.expects_proxy) {
    const bool told = co_await read_proxy_header();
    if (!told) co_return false;
  }
  co_return admit();
}

/// Asks the gateway about the client. False: the session ends with what it has said.
bool ServerSession::admit() {
  const ClientRights rights = service_.admit(facts_);
  // A balancer that does not know its client has none to speak for.
  const bool is_balancer = facts_.expects_proxy && facts_.proxy.is_unspecified();
  dialogue_.set_rights(rights.trusted, rights.xclient && !is_balancer, rights.xforward);
  if (rights.refusal.code() == 0) return true;
  goodbye_ = rights.refusal;
  return false;
}

net::Awaitable<bool> ServerSession::read_proxy_header() {
  if (stopping_) {
    goodbye_ = replies::shutting_down();
    co_return false;
  }
  facts_.proxy = facts_.client;
  stream_.expires_after(options_.timeouts.proxy);
  std::string header;
  idle_ = true;
  const std::string_view wrong = co_await take_proxy_header(header);
  idle_ = false;
  if (wrong.empty()) co_return true;
  // A health check that only connects.
  if (wrong == kGone && header.empty()) co_return false;
  metrics::counter("postern_sessions_refused_total", {"proxy_header"}).add();
  note("ended", "(PROXY)", wrong);
  if (!options_.implicit_tls) {
    const Reply reply = stopping_ ? replies::shutting_down() : replies::proxy_header_wrong();
    reply.append_to(out_);
    co_await flush();
  }
  co_return false;
}

/// Octet for octet, so that whatever comes behind the header stays in the socket: a TLS handshake
/// reads there. What is wrong, or nothing.
net::Awaitable<std::string_view> ServerSession::take_proxy_header(std::string& header) {
  std::array<char, kPeekOctets> block{};
  for (;;) {
    const net::error_code waited = co_await stream_.wait_readable();
    if (waited) co_return waited == boost::asio::error::timed_out ? kLate : kGone;
    boost::system::error_code ec;
    net::Socket& socket = stream_.socket();
    const std::size_t seen =
        socket.receive(boost::asio::buffer(block), boost::asio::socket_base::message_peek, ec);
    if (ec == boost::asio::error::would_block) continue;
    if (ec || seen == 0) co_return kGone;
    const std::size_t before = header.size();
    header.append(block.data(), seen);
    const ProxyParse parse = parse_proxy_header(header);
    if (parse.state == ProxyParse::State::malformed) co_return parse.why;
    const bool is_whole = parse.state == ProxyParse::State::complete;
    const std::size_t ours = is_whole ? parse.octets - before : seen;
    socket.receive(boost::asio::buffer(block.data(), ours), 0, ec);
    if (ec) co_return kGone;
    if (is_whole) co_return believe(parse.header);
  }
}

/// A health check (LOCAL) and a client that the balancer does not know are the balancer itself.
std::string_view ServerSession::believe(const ProxyHeader& header) {
  if (!header.has_ends) {
    facts_.proxy = IpAddress();
    return {};
  }
  facts_.client = header.client;
  facts_.client_port = header.client_port;
  facts_.local = net::Endpoint(header.server, header.server_port);
  // The lines of letters need not have both: this one does.
  note("proxied", "(PROXY)", {});
  return {};
}

/// What waits before the greeting is a PROXY header, of a host that is not named as a balancer.
bool ServerSession::has_proxy_header() {
  std::array<char, kPeekOctets> block{};
  boost::system::error_code ec;
  const std::size_t seen = stream_.socket().receive(
      boost::asio::buffer(block), boost::asio::socket_base::message_peek, ec);
  if (ec || seen < kProxyWord.size()) return false;
  const ProxyParse parse = parse_proxy_header(std::string_view(block.data(), seen));
  return parse.state != ProxyParse::State::malformed;
}

/// XCLIENT. False: the session is over.
net::Awaitable<bool> ServerSession::override_client(const ClientOverride& client) {
  drop_transaction();
  forget_forwarded();
  notes_ = 0;  // another client's from here
  note("xclient", "XCLIENT", client.address ? client.address->to_string() : std::string());
  apply(client);
  if (!admit()) co_return false;
  dialogue_.client_overridden(!facts_.helo.empty(), facts_.esmtp, !facts_.identity.empty(), out_);
  offer_auth();
  co_return true;
}

/// What is not said stays as it is, but for what the client itself has said before: HELO and who it
/// has logged in as, or by which certificate, are another client's now.
void ServerSession::apply(const ClientOverride& client) {
  if (client.name) facts_.client_name = *client.name;
  if (client.address) facts_.client = *client.address;
  if (client.port) facts_.client_port = *client.port;
  if (client.server) facts_.local.address(*client.server);
  if (client.server_port) facts_.local.port(*client.server_port);
  if (client.esmtp) facts_.esmtp = *client.esmtp;
  facts_.helo = client.helo.value_or("");
  facts_.by_certificate = false;
  facts_.identity = client.login ? auth::account_key(*client.login) : std::string();
}

}  // namespace postern::smtp
