// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"
#include "smtp/session/server_session.h"

// STARTTLS (RFC 3207) and TLS from the first octet, and what the client's certificate says.

namespace postern::smtp {

net::Awaitable<bool> ServerSession::upgrade_to_tls() {
  if (options_.tls == nullptr) co_return false;
  drop_transaction();
  forget_forwarded();
  facts_.helo.clear();
  facts_.identity.clear();
  facts_.by_certificate = false;
  stream_.expires_after(options_.timeouts.tls);
  const std::shared_ptr<const tls::Context> context = options_.tls->get();
  const net::error_code ec = co_await stream_.handshake_server(*context);
  if (ec) {
    metrics::counter("postern_tls_handshakes_total", {"failed"}).add();
    note("ended", {}, "TLS handshake: " + ec.message());
    co_return false;
  }
  facts_.tls = stream_.info();
  metrics::counter("postern_tls_handshakes_total", {facts_.tls->version}).add();
  take_certificate();
  co_return true;
}

/// Who shows a certificate of an entry in relay.allow_with_certificate need not log in, and still
/// can.
void ServerSession::take_certificate() {
  const tls::Info& info = *facts_.tls;
  if (!info.client.empty()) {
    facts_.identity = std::string(kCertificateIdentity) + info.client;
    facts_.by_certificate = true;
    dialogue_.set_trusted();
  } else if (!info.client_problem.empty()) {
    note("ignored", "(the client's certificate)", info.client_problem);
  }
}

}  // namespace postern::smtp
