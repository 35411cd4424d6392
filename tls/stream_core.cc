// SPDX-License-Identifier: Apache-2.0
#include "tls/stream_core.h"

#include "tls/context.h"
#include "tls/error.h"
#include "tls/server_peer.h"

#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/socket.h>

namespace postern::tls {
namespace asio = net::asio;
namespace {

/// The payload of one TLS record (RFC 8446 section 5.1): what SSL_write takes at a time.
constexpr std::size_t kRecordOctets = 16384;
/// After so many operations that found the socket ready, a stream lets the thread's other sessions
/// run.
constexpr unsigned kOperationsPerTurn = 32;

/// The next octets for SSL_write: a short `first` is joined with the beginning of `second`, so that
/// both leave in one record. Valid until the next call on this thread. The same input gives the
/// same octets, which is what OpenSSL wants of a repeated SSL_write.
std::string_view next_record(std::string_view first, std::string_view second) {
  if (first.empty()) return second;
  if (second.empty() || first.size() >= kRecordOctets) return first;
  static thread_local std::array<char, kRecordOctets> joined;
  const std::size_t rest = std::min(second.size(), joined.size() - first.size());
  std::memcpy(joined.data(), first.data(), first.size());
  std::memcpy(joined.data() + first.size(), second.data(), rest);
  return {joined.data(), first.size() + rest};
}

/// Drops the `n` octets that were written from the front of the two parts.
void drop_front(std::string_view& first, std::string_view& second, std::size_t n) {
  const std::size_t of_first = std::min(n, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(n - of_first);
}

std::unique_ptr<Info> describe(SSL* ssl) {
  auto info = std::make_unique<Info>();
  info->version = SSL_get_version(ssl);
  if (const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl)) {
    info->cipher = SSL_CIPHER_get_name(cipher);
    info->bits = SSL_CIPHER_get_bits(cipher, nullptr);
  }
  if (const X509* const certificate = SSL_get0_peer_certificate(ssl)) {
    info->peer_fingerprint = fingerprint_of(certificate);
    info->verified =
        SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) == X509_V_OK;
  }
  info->resumed = SSL_session_reused(ssl) == 1;
  return info;
}

}  // namespace

Stream::Core::~Core() {
  SSL_free(ssl);
}

Stream::Core::Step Stream::Core::classify(int result) {
  if (result > 0) return {Step::What::done, {}};
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
      return {Step::What::want_read, {}};
    case SSL_ERROR_WANT_WRITE:
      return {Step::What::want_write, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {Step::What::failed, asio::error::eof};
    case SSL_ERROR_SYSCALL: {
      ERR_clear_error();
      const error_code ec(bio_.error, boost::system::system_category());
      return {Step::What::failed, bio_.error != 0 ? ec : error_code(asio::error::eof)};
    }
    default:
      return {Step::What::failed, take_error()};
  }
}

net::Awaitable<error_code> Stream::Core::wait(std::shared_ptr<Core> core, Step step) {
  core->at_once_ = 0;
  const auto direction =
      step.what == Step::What::want_write ? net::Socket::wait_write : net::Socket::wait_read;
  const auto [ec] = co_await core->socket.async_wait(direction, net::as_result);
  if (ec) co_return core->cause(ec);
  co_return core->obstacle();
}

net::Awaitable<void> Stream::Core::take_turns(std::shared_ptr<Core> core) {
  core->at_once_ = 0;
  co_await asio::post(core->socket.get_executor(), net::use_awaitable);
}

net::Awaitable<Stream::IoResult> Stream::Core::read_some(std::shared_ptr<Core> core,
                                                         std::span<char> buffer) {
  if (const error_code ec = core->obstacle()) co_return IoResult(ec, 0);
  if (core->secure) {
    const IoResult result = co_await read_tls(core, buffer);
    co_return result;
  }
  const auto [ec, n] = co_await core->socket.async_read_some(
      asio::buffer(buffer.data(), buffer.size()), net::as_result);
  co_return IoResult(core->cause(ec), n);
}

net::Awaitable<Stream::IoResult> Stream::Core::read_tls(std::shared_ptr<Core> core,
                                                        std::span<char> buffer) {
  if (++core->at_once_ > kOperationsPerTurn) {
    co_await take_turns(core);
  }
  error_code ec = core->obstacle();
  while (!ec) {
    std::size_t octets = 0;
    ERR_clear_error();
    const Step step = core->classify(SSL_read_ex(core->ssl, buffer.data(), buffer.size(), &octets));
    if (step.what == Step::What::done) co_return IoResult({}, octets);
    if (step.what == Step::What::failed) co_return IoResult(step.ec, 0);
    ec = co_await wait(core, step);
  }
  co_return IoResult(ec, 0);
}

net::Awaitable<error_code> Stream::Core::wait_readable(std::shared_ptr<Core> core) {
  error_code ec = core->obstacle();
  const Step for_input{Step::What::want_read, {}};
  while (!ec) {
    if (core->secure && SSL_pending(core->ssl) > 0) co_return error_code();
    ec = co_await wait(core, for_input);
    if (ec || !core->secure) co_return ec;
    // What came may be no data (a session ticket, half a record): peeking tells, and takes it in.
    char octet = 0;
    std::size_t octets = 0;
    ERR_clear_error();
    const Step step = core->classify(SSL_peek_ex(core->ssl, &octet, 1, &octets));
    if (step.what == Step::What::done || step.ec == asio::error::eof) co_return error_code();
    if (step.what == Step::What::failed) co_return step.ec;
    if (step.what == Step::What::want_write) {
      ec = co_await wait(core, step);
    }
  }
  co_return ec;
}

net::Awaitable<Stream::IoResult> Stream::Core::write(std::shared_ptr<Core> core,
                                                     std::string_view first,
                                                     std::string_view second,
                                                     Follows follows) {
  const Sending mark(*core);
  if (++core->at_once_ > kOperationsPerTurn) {
    co_await take_turns(core);
  }
  if (const error_code ec = core->obstacle()) co_return IoResult(ec, 0);
  if (core->secure) {
    const IoResult result = co_await write_tls(core, first, second);
    co_return result;
  }
  const IoResult result = co_await write_plain(core, first, second, follows);
  co_return result;
}

net::Awaitable<Stream::IoResult> Stream::Core::write_plain(std::shared_ptr<Core> core,
                                                           std::string_view first,
                                                           std::string_view second,
                                                           Follows follows) {
  const net::Socket::message_flags flags = follows == Follows::more ? MSG_MORE : 0;
  const std::size_t total = first.size() + second.size();
  const auto written = [&] { return total - first.size() - second.size(); };
  while (written() < total) {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(first), asio::buffer(second)};
    // Nearly every write fits the socket's buffer: no trip through the event loop for it.
    error_code ec;
    drop_front(first, second, core->socket.send(parts, flags, ec));
    if (ec == asio::error::would_block) {
      core->at_once_ = 0;
      const auto [later, n] = co_await core->socket.async_send(parts, flags, net::as_result);
      drop_front(first, second, n);
      ec = later;
    }
    if (ec) co_return IoResult(core->cause(ec), written());
  }
  co_return IoResult({}, total);
}

net::Awaitable<Stream::IoResult> Stream::Core::write_tls(std::shared_ptr<Core> core,
                                                         std::string_view first,
                                                         std::string_view second) {
  const std::size_t total = first.size() + second.size();
  const auto written = [&] { return total - first.size() - second.size(); };
  error_code ec;
  while (!ec && written() < total) {
    const std::string_view record = next_record(first, second);
    std::size_t octets = 0;
    ERR_clear_error();
    const Step step =
        core->classify(SSL_write_ex(core->ssl, record.data(), record.size(), &octets));
    drop_front(first, second, octets);
    if (step.what == Step::What::done) continue;
    if (step.what == Step::What::failed) co_return IoResult(step.ec, written());
    ec = co_await wait(core, step);
  }
  co_return IoResult(ec, written());
}

bool Stream::Core::is_quiet() {
  // A deadline that passed with nothing under way does not count: the next one makes it good.
  if (broken || !socket.is_open()) return false;
  char octet = 0;
  if (secure) {
    // Records without data (session tickets) are taken in, and are no noise.
    std::size_t octets = 0;
    ERR_clear_error();
    return classify(SSL_peek_ex(ssl, &octet, 1, &octets)).what == Step::What::want_read;
  }
  error_code ec;
  socket.receive(asio::buffer(&octet, 1), net::Socket::message_peek, ec);
  return ec == asio::error::would_block;
}

error_code Stream::Core::prepare_tls(const Context& context) {
  if (ssl != nullptr) return asio::error::already_connected;
  ERR_clear_error();
  ssl = SSL_new(context.native());
  if (ssl == nullptr) return take_error();
  // The write loop relies on both.
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  bio_.fd = socket.native_handle();
  BIO* const bio = new_socket_bio(bio_);
  if (bio == nullptr) return take_error();
  SSL_set_bio(ssl, bio, bio);
  return {};
}

net::Awaitable<error_code> Stream::Core::handshake(std::shared_ptr<Core> core,
                                                   error_code prepared) {
  const Sending mark(*core);
  error_code ec = prepared;
  if (!ec) ec = core->obstacle();
  while (!ec) {
    ERR_clear_error();
    const Step step = core->classify(SSL_do_handshake(core->ssl));
    if (step.what == Step::What::done) {
      core->info = describe(core->ssl);
      if (SSL_is_server(core->ssl) == 1) describe_client(core->ssl, *core->info);
      if (core->client) {
        core->client->finish(core->ssl, true);
        core->info->verified_by = core->client->outcome(core->ssl).by;
        core->info->verified = core->client->outcome(core->ssl).verified();
      }
      core->secure = true;
      co_return error_code();
    }
    ec = step.ec;
    if (!ec) {
      ec = co_await wait(core, step);
    }
  }
  if (core->client) core->client->finish(core->ssl, false);
  core->broken = ec;
  co_return ec;
}

}  // namespace postern::tls
