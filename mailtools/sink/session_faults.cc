// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/said.h"
#include "mailtools/sink/session.h"
#include "smtp/replies.h"

#include <boost/asio/socket_base.hpp>

#include <algorithm>

// What goes wrong with a session because it was told to.

namespace postern::sink {
namespace {

/// A client that is not answered goes away long before.
constexpr std::chrono::hours kStall{1};

}  // namespace

/// Asks the faults about a stage, and waits, hangs or cuts off where they say so.
net::Awaitable<Session::Verdict> Session::strike(Stage stage,
                                                 std::optional<std::string_view> from,
                                                 std::optional<std::string_view> to) {
  Verdict out;
  if (shared_.faults.empty()) co_return out;
  std::vector<std::string_view> recipients;
  if (to) recipients.push_back(*to);
  for (std::size_t i = 0; !to && i < recipients_.size(); ++i)
    recipients.push_back(recipients_[i].address.text());
  Strike found = shared_.faults.strike(Occasion{stage, client_, from, recipients});
  out.reply = std::move(found.reply);
  out.tls_fail = found.tls_fail;
  out.rate = found.rate;
  if (found.drop) drop_ = found.drop;
  if (found.delay.count() > 0 || found.stall || found.drop) {
    // What was said of the commands before is no part of this stage.
    const bool flushed = co_await flush();
    out.over = !flushed;
  }
  if (!out.over && found.delay.count() > 0) {
    co_await pause(found.delay);
  }
  if (!out.over && found.stall) {
    co_await hang();
    out.over = true;
  }
  if (!out.over && found.drop && found.drop->when == Fault::When::before) {
    cut_off(found.drop->reset);
    out.over = true;
  }
  co_return out;
}

/// Behind a stage. False: the connection was dropped.
net::Awaitable<bool> Session::end_stage() {
  if (!drop_ || drop_->when == Fault::When::before) co_return true;
  if (drop_->when == Fault::When::after) {
    out_.resize(std::min(stage_said_, out_.size()));
  }
  co_await flush();
  cut_off(drop_->reset);
  co_return false;
}

/// Takes in and forgets what comes, without an answer, until the client or the sink ends.
net::Awaitable<void> Session::hang() {
  for (bool more = true; more;) {
    input_.clear();
    more = co_await read_more(net::Clock::now() + kStall, smtp::InputBuffer::kBlockOctets);
  }
  // Not even 421.
  cut_off(false);
}

void Session::cut_off(bool reset) {
  net::error_code ignored;
  net::Socket& socket = stream_.socket();
  if (reset) {
    socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  } else {
    // Before the stream is closed, which would say good-bye to TLS.
    socket.shutdown(net::Socket::shutdown_both, ignored);
  }
  stream_.close();
}

/// Nothing is asked where nothing has changed.
void Session::follow_extensions() {
  const std::uint64_t version = shared_.faults.version();
  if (version == hidden_version_) return;
  hidden_version_ = version;
  hidden_ = shared_.faults.hidden(client_);
  const SinkOptions& options = shared_.options;
  profile_.offer_smtputf8 = !hides("SMTPUTF8");
  profile_.offer_binarymime = !hides("BINARYMIME") && !hides("CHUNKING");
  profile_.offer_starttls = options.tls && !options.implicit_tls && !hides("STARTTLS");
  profile_.auth_mechanisms =
      hides("AUTH") ? std::string() : shared_.accounts.mechanisms(stream_.is_tls());
  dialogue_.offer_auth(profile_.auth_mechanisms);
}

bool Session::hides(std::string_view extension) const {
  return !hidden_.empty() && std::find(hidden_.begin(), hidden_.end(), extension) != hidden_.end();
}

/// Does MAIL say something of an extension that is not offered?
bool Session::hides_parameter(const smtp::MailParametersView& parameters) const {
  if (hidden_.empty()) return false;
  const bool dsn = parameters.ret != smtp::Ret::unspecified || !parameters.envid.empty();
  return (parameters.size && hides("SIZE")) ||
         (parameters.body != smtp::Body::unspecified && hides("8BITMIME")) ||
         (parameters.requiretls && hides("REQUIRETLS")) ||
         (!parameters.auth.empty() && hides("AUTH")) || (dsn && hides("DSN"));
}

void Session::hide_lines(std::size_t said_before) {
  if (!hidden_.empty()) drop_keywords(out_, said_before, hidden_);
}

/// stop() ends it.
net::Awaitable<void> Session::pause(net::Clock::duration span) {
  if (span.count() <= 0 || stopping_) co_return;
  pause_.expires_after(span);
  [[maybe_unused]] const auto ended = co_await pause_.async_wait(net::as_result);
}

}  // namespace postern::sink
