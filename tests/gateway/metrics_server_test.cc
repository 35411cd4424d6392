// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

namespace postern::gateway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  MetricsServerTest() {
    auto opened = MetricsServer::open(
        context_.get_executor(), "127.0.0.1:0", [] { return std::string("a_number 7\n"); });
    EXPECT_TRUE(opened.has_value());
    server_ = *std::move(opened);
    endpoint_ = server_->endpoint();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~MetricsServerTest() override {
    context_.stop();
    thread_.join();
  }

  /// Everything that comes until the server closes.
  std::string ask(const std::string& request) {
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket(context);
    socket.connect(endpoint_);
    boost::system::error_code ec;
    boost::asio::write(socket, boost::asio::buffer(request), ec);
    std::string answer;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), ec);
    return answer;
  }

  net::IoContext context_{1};
  std::unique_ptr<MetricsServer> server_;
  net::Endpoint endpoint_;
  std::thread thread_;
};

TEST_F(MetricsServerTest, AnswersWithThePage) {
  const std::string answer = ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\na_number 7\n"));
  EXPECT_THAT(ask("HEAD /metrics HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\n"));
}

TEST_F(MetricsServerTest, AnswersNothingElse) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  const std::string post = ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(post, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(ask("EHLO client.example\r\n\r\n"), "");
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), "");
}

TEST_F(MetricsServerTest, SilentClientsTakeNoMoreThanTheirPlaces) {
  boost::asio::io_context context;
  std::vector<boost::asio::ip::tcp::socket> silent;
  for (std::size_t i = 0; i < MetricsServer::kMostConnections; ++i) {
    silent.emplace_back(context);
    silent.back().connect(endpoint_);
  }
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "") << "there is no place left";
  silent.clear();
  std::string answer;
  while (answer.empty())
    answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(MetricsServer, SaysWhyItCannotListen) {
  net::IoContext context{1};
  const auto first =
      MetricsServer::open(context.get_executor(), "127.0.0.1:0", [] { return std::string(); });
  ASSERT_TRUE(first.has_value());
  const std::string taken = "127.0.0.1:" + std::to_string((*first)->endpoint().port());
  const auto second =
      MetricsServer::open(context.get_executor(), taken, [] { return std::string(); });
  ASSERT_TRUE(second.has_error());
  EXPECT_THAT(second.error(), StartsWith("metrics: cannot listen on " + taken));
}

}  // namespace
}  // namespace postern::gateway
