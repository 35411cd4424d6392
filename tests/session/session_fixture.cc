// SPDX-License-Identifier: Apache-2.0
#include "session_fixture.h"

#include "segments.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

namespace postern::smtp {
namespace {

constexpr int kPatienceSeconds = 20;

}  // namespace

TestClient::TestClient(const net::Endpoint& server) : socket_(context_) {
  socket_.connect(server);
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

TestClient::~TestClient() {
  SSL_free(ssl_);
}

bool TestClient::secure(SSL_CTX* context) {
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, socket_.native_handle());
  return buffer_.empty() && SSL_connect(ssl_) == 1;
}

void TestClient::send(std::string_view octets) {
  if (ssl_ == nullptr) return send_plain(octets);
  SSL_write(ssl_, octets.data(), static_cast<int>(octets.size()));
}

void TestClient::send_plain(std::string_view octets) {
  boost::system::error_code ec;
  net::asio::write(socket_, net::asio::buffer(octets), ec);
}

std::string TestClient::line() {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n");
    if (end != std::string::npos) {
      std::string out = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return out;
    }
    char block[4096];
    const ssize_t n = ssl_ != nullptr ? SSL_read(ssl_, block, sizeof block)
                                      : ::recv(socket_.native_handle(), block, sizeof block, 0);
    if (n <= 0) return {};
    buffer_.append(block, static_cast<std::size_t>(n));
  }
}

std::string TestClient::reply() {
  std::string out = line();
  while (out.size() >= 4 &&
         out[out.rfind('\n') == std::string::npos ? 3 : out.rfind('\n') + 4] == '-') {
    const std::string next = line();
    if (next.empty()) break;
    out += '\n';
    out += next;
  }
  return out;
}

std::string TestClient::ask(const std::string& line) {
  send(line + "\r\n");
  return reply();
}

unsigned TestClient::segments() {
  return data_segments_in(socket_.native_handle());
}

bool TestClient::closed_by_server() {
  char octet = 0;
  if (ssl_ != nullptr) return buffer_.empty() && SSL_read(ssl_, &octet, 1) <= 0;
  const ssize_t n = ::recv(socket_.native_handle(), &octet, 1, 0);
  return buffer_.empty() && (n == 0 || (n < 0 && errno == ECONNRESET));
}

void TestClient::close() {
  boost::system::error_code ec;
  socket_.close(ec);
}

SessionTest::SessionTest() : acceptor_(context_.get_executor()) {
  options.profile.hostname = "gw.company.ru";
  acceptor_.open(net::asio::ip::tcp::v4());
  acceptor_.bind(net::Endpoint(net::asio::ip::address_v4::loopback(), 0));
  acceptor_.listen();
}

SessionTest::~SessionTest() {
  if (client_) client_->close();
  finish();
}

TestClient& SessionTest::connect(std::string_view before) {
  if (client_) client_->close();
  finish();
  context_.restart();
  client_.emplace(acceptor_.local_endpoint());
  if (!before.empty()) client_->send(before);
  net::Socket socket(context_.get_executor());
  acceptor_.accept(socket);
  SessionFacts facts;
  facts.id = "test";
  facts.listener = "mx";
  facts.client = *parse_ip("127.0.0.1");
  facts.expects_proxy = expects_proxy;
  session_ = std::make_unique<ServerSession>(std::move(socket), options, service, std::move(facts));
  net::asio::co_spawn(context_, session_->run(), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  thread_ = std::thread([this] { context_.run(); });
  return *client_;
}

TestClient& SessionTest::connect_and_greet() {
  TestClient& client = connect();
  EXPECT_EQ(client.reply().substr(0, 4), "220 ");
  EXPECT_EQ(client.ask("EHLO client.example").substr(0, 4), "250-");
  return client;
}

void SessionTest::finish() {
  if (thread_.joinable()) thread_.join();
}

void SessionTest::finish_by_quit(TestClient& client) {
  EXPECT_EQ(client.ask("QUIT").substr(0, 4), "221 ");
  finish();
}

void SessionTest::stop_session() {
  net::asio::post(context_, [this] { session_->stop(); });
}

}  // namespace postern::smtp
