// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "mailtools/sink/session.h"
#include "smtp/replies.h"

// STARTTLS (RFC 3207), TLS from the first octet, and AUTH (RFC 4954).

namespace postern::sink {

/// False: the session is over.
net::Awaitable<bool> Session::upgrade_to_tls(bool fails) {
  drop_transaction();
  helo_.clear();
  identity_.clear();
  if (fails) {
    // What a client meets whose server has no certificate: words where a handshake should be.
    const bool came = co_await read_more(net::Clock::now() + shared_.options.timeouts.tls,
                                         smtp::InputBuffer::kBlockOctets);
    if (came) {
      co_await stream_.write("454 4.7.0 TLS is not available\r\n");
    }
    cut_off(false);
    co_return false;
  }
  stream_.expires_after(shared_.options.timeouts.tls);
  waiting_ = true;
  const net::error_code ec = co_await stream_.handshake_server(*shared_.options.tls);
  waiting_ = false;
  if (ec) co_return false;
  dialogue_.tls_done();
  hidden_version_ = ~std::uint64_t{0};  // -PLUS can be offered now
  follow_extensions();
  co_return true;
}

/// False: the session is over.
net::Awaitable<bool> Session::authenticate(std::string mechanism,
                                           std::optional<std::string> encoded) {
  Login login(shared_.accounts, mechanism, stream_.channel_bindings());
  std::optional<std::string> initial;
  if (encoded) {
    // "=" is an initial response of no octets (RFC 4954 4).
    initial = *encoded == "=" ? std::string() : from_base64(*encoded);
    if (!initial) {
      dialogue_.auth_done(false, smtp::replies::auth_malformed(), out_);
      co_return true;
    }
  }
  Login::Step step = login.begin(initial);
  while (step.kind == Login::Step::Kind::challenge) {
    out_ += "334 " + to_base64(step.text) + "\r\n";
    std::string line;
    const bool got_line = co_await read_response(line);
    if (!got_line) co_return false;
    const std::optional<std::string> response = from_base64(line);
    if (line == "*" || !response) {
      dialogue_.auth_done(
          false,
          line == "*" ? smtp::replies::auth_cancelled() : smtp::replies::auth_malformed(),
          out_);
      co_return true;
    }
    step = login.next(*response);
  }
  const bool ok = step.kind == Login::Step::Kind::succeeded;
  if (ok) identity_ = std::move(step.text);
  const smtp::Reply refusal = step.kind == Login::Step::Kind::malformed
                                  ? smtp::replies::auth_malformed()
                                  : smtp::replies::auth_refused();
  dialogue_.auth_done(ok, ok ? smtp::replies::authenticated() : refusal, out_);
  co_return true;
}

net::Awaitable<bool> Session::read_response(std::string& line) {
  const bool got_line = co_await read_line();
  if (!got_line) co_return false;
  line = std::string(line_.text(input_.view()));
  input_.consume(line_.octets);
  co_return true;
}

}  // namespace postern::sink
