// SPDX-License-Identifier: Apache-2.0
// HTTPS against a server with a certificate of a CA made on the spot.
#include "mta_sts/https_client.h"

#include "support/folder.h"
#include "support/web_server.h"
#include "tests/dns/run.h"

#include <gtest/gtest.h>

namespace postern::mta_sts {
namespace {

using Failure = HttpsAnswer::Failure;
using test::http_response;

constexpr std::string_view kHost = "mta-sts.example.com";

class HttpsClientTest : public testing::Test {
 protected:
  HttpsRequest request(const std::string& path) const {
    HttpsRequest out;
    out.host = kHost;
    out.path = path;
    out.port = web_.port();
    out.addresses = {boost::asio::ip::address_v4::loopback()};
    return out;
  }
  HttpsClient::Options options() const {
    HttpsClient::Options out;
    out.ca = ca_.certificate();
    return out;
  }
  HttpsAnswer ask(HttpsClient& client, HttpsRequest with) {
    return test::run(io_, client.ask(std::move(with)));
  }

  test::Folder folder_;
  test::TestCa ca_{folder_.path(), "ca"};
  test::WebServer web_{ca_.issue("web", "DNS:mta-sts.example.com")};
  net::IoContext io_{1};
};

TEST_F(HttpsClientTest, AResponseComesWithStatusTypeAndBody) {
  web_.answer("mta-sts.example.com /here",
              http_response("200 OK", "text", "text/plain; charset=utf-8"));
  HttpsClient client(options());
  const HttpsAnswer answer = ask(client, request("/here"));
  EXPECT_EQ(answer.failure, Failure::none) << answer.detail;
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(answer.body, "text");
}

TEST_F(HttpsClientTest, ARedirectIsNotFollowed) {
  web_.answer(
      "mta-sts.example.com /old",
      "HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  web_.answer("mta-sts.example.com /new", http_response("200 OK", "text"));
  HttpsClient client(options());
  const HttpsAnswer answer = ask(client, request("/old"));
  EXPECT_EQ(answer.failure, Failure::none) << answer.detail;
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(web_.requests().size(), 1U);
}

TEST_F(HttpsClientTest, ABodyIsPosted) {
  web_.answer("mta-sts.example.com /report", http_response("201 Created", ""));
  HttpsClient client(options());
  HttpsRequest with = request("/report");
  with.body = std::string("a\0b", 3);
  with.content_type = "application/tlsrpt+gzip";
  EXPECT_EQ(ask(client, with).status, 201);
  const std::string seen = web_.requests().at(0);
  EXPECT_TRUE(seen.starts_with("POST /report "));
  EXPECT_NE(seen.find("Content-Type: application/tlsrpt+gzip\r\n"), std::string::npos);
  EXPECT_TRUE(seen.ends_with(std::string("\r\n\r\na\0b", 7)));
}

TEST_F(HttpsClientTest, WhatIsTooLongIsNotRead) {
  HttpsClient::Options small = options();
  small.octets = 100;
  web_.answer("mta-sts.example.com /fits", http_response("200 OK", std::string(100, 'x')));
  web_.answer("mta-sts.example.com /long", http_response("200 OK", std::string(101, 'x')));
  HttpsClient client(small);
  EXPECT_EQ(ask(client, request("/fits")).body.size(), 100U);
  EXPECT_EQ(ask(client, request("/long")).failure, Failure::too_long);
}

TEST_F(HttpsClientTest, ACertificateForAnotherNameIsUntrusted) {
  web_.answer("other.example.com /", http_response("200 OK", "text"));
  HttpsClient client(options());
  HttpsRequest with = request("/");
  with.host = "other.example.com";
  const HttpsAnswer answer = ask(client, with);
  EXPECT_EQ(answer.failure, Failure::untrusted);
  EXPECT_FALSE(answer.detail.empty());
  EXPECT_TRUE(web_.requests().empty());
}

TEST_F(HttpsClientTest, AnUnknownAuthorityIsUntrusted) {
  HttpsClient::Options system = options();
  system.ca.clear();
  HttpsClient client(system);
  EXPECT_EQ(ask(client, request("/")).failure, Failure::untrusted);
}

TEST_F(HttpsClientTest, NobodyThereAndSilenceAreUnreachable) {
  HttpsClient::Options quick = options();
  quick.limit = std::chrono::milliseconds(300);
  web_.answer("mta-sts.example.com /silent", "");
  HttpsClient client(quick);
  EXPECT_EQ(ask(client, request("/silent")).failure, Failure::unreachable);
  web_.be_down(true);
  EXPECT_EQ(ask(client, request("/")).failure, Failure::unreachable);
}

TEST_F(HttpsClientTest, ItsTimeBeginsWithItsTurn) {
  HttpsClient::Options one = options();
  one.threads = 1;
  one.limit = std::chrono::seconds(2);
  web_.answer("mta-sts.example.com /silent", "");
  web_.answer("mta-sts.example.com /here", http_response("200 OK", "text"));
  HttpsClient client(one);
  const auto first = test::start(io_, client.ask(request("/silent")));
  const auto second = test::start(io_, client.ask(request("/here")));
  EXPECT_EQ(test::wait(io_, first).failure, Failure::unreachable);
  EXPECT_EQ(test::wait(io_, second).failure, Failure::none);
}

TEST_F(HttpsClientTest, WhoseTurnDoesNotComeIsUnreachable) {
  HttpsClient::Options hasty = options();
  hasty.turn = std::chrono::milliseconds(0);
  HttpsClient client(hasty);
  EXPECT_EQ(ask(client, request("/")).detail, "its turn did not come in time");
}

TEST_F(HttpsClientTest, BeyondTheLineItRefuses) {
  HttpsClient::Options none = options();
  none.waiting = 0;
  HttpsClient client(none);
  EXPECT_EQ(ask(client, request("/")).failure, Failure::refused);
}

TEST_F(HttpsClientTest, ItsEndBreaksOffWhatIsUnderWay) {
  web_.answer("mta-sts.example.com /silent", "");
  auto client = std::make_unique<HttpsClient>(options());
  const auto answer = test::start(io_, client->ask(request("/silent")));
  while (web_.requests().empty())
    io_.poll();
  client.reset();
  EXPECT_EQ(test::wait(io_, answer).failure, Failure::unreachable);
}

}  // namespace
}  // namespace postern::mta_sts
