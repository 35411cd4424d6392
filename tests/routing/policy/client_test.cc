// SPDX-License-Identifier: Apache-2.0
#include "routing/policy/client.h"

#include "tests/routing/policy/policy_peer.h"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <unistd.h>

namespace postern::routing {
namespace {

using namespace std::chrono_literals;
using testing::PolicyPeer;

constexpr const char* kQuestion = "request=smtpd_access_policy\nrecipient=a@b\n\n";

/// An io_context as a worker has it, and questions on it.
class Asking {
 public:
  PolicyCall call(const std::string& server, std::chrono::milliseconds timeout = 30s) const {
    PolicyCall out;
    out.server = PolicyServer::parse(server).value();
    out.question = kQuestion;
    out.timeout = timeout;
    out.connections = connections;
    return out;
  }
  void begin(const std::string& server, std::chrono::milliseconds timeout = 30s) {
    net::asio::co_spawn(
        io.get_executor(),
        ask_policy_server(call(server, timeout)),
        [this](const std::exception_ptr& error, Result<std::string, std::string> out) {
          if (error) std::rethrow_exception(error);
          said.push_back(out ? *out : "error: " + out.error());
        });
  }
  void run() {
    io.run();
    io.restart();
  }
  std::string ask(const std::string& server, std::chrono::milliseconds timeout = 30s) {
    begin(server, timeout);
    run();
    return said.back();
  }

  std::size_t connections = 20;
  net::IoContext io{1};
  std::vector<std::string> said;
};

std::string temporary_path() {
  const std::string name = "postern-policy-" + std::to_string(::getpid());
  return (std::filesystem::temp_directory_path() / name).string();
}

TEST(PolicyServer, IsAnAddressOrAPath) {
  EXPECT_EQ(PolicyServer::parse("inet:127.0.0.1:10023")->port, 10023);
  EXPECT_EQ(PolicyServer::parse("inet:[::1]:7")->address.to_string(), "::1");
  EXPECT_EQ(PolicyServer::parse("unix:/run/p")->path, "/run/p");
  for (const char* wrong : {"",
                            "127.0.0.1:10023",
                            "inet:127.0.0.1",
                            "inet:127.0.0.1:0",
                            "inet:127.0.0.1:65536",
                            "inet:127.0.0.1:1x",
                            "inet:localhost:10023",
                            "inet:::1:7",
                            "inet:[127.0.0.1]:7",
                            "unix:run/p",
                            "unix:"})
    EXPECT_FALSE(PolicyServer::parse(wrong)) << wrong;
  EXPECT_FALSE(PolicyServer::parse("unix:/" + std::string(107, 'x')));
  EXPECT_FALSE(PolicyServer::parse(std::string("unix:/a\0b", 9)));
}

class PolicyClientTest : public ::testing::TestWithParam<bool> {
 protected:
  PolicyPeer peer{GetParam() ? temporary_path() : std::string()};
  Asking asking;
};

TEST_P(PolicyClientTest, OneConnectionIsKeptForManyQuestions) {
  peer.next("REJECT no");
  EXPECT_EQ(asking.ask(peer.server()), "action=REJECT no\n\n");
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
  EXPECT_EQ(peer.connections(), 1U);
  ASSERT_EQ(peer.questions().size(), 2U);
  EXPECT_EQ(peer.questions()[0].at("recipient"), "a@b");
}

TEST_P(PolicyClientTest, ARestartOfTheServerIsNotNoticed) {
  asking.begin(peer.server());
  asking.begin(peer.server());
  asking.run();
  EXPECT_EQ(peer.connections(), 2U);
  peer.stop();
  peer.start();
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
  EXPECT_EQ(peer.connections(), 3U);
}

TEST_P(PolicyClientTest, AServerThatIsGoneIsToldAndFoundAgain) {
  peer.stop();
  EXPECT_TRUE(asking.ask(peer.server()).starts_with("error: ")) << asking.said.back();
  peer.start();
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
}

TEST_P(PolicyClientTest, ClosingInTheMiddleOfAnAnswerIsNoAnswer) {
  peer.next(PolicyPeer::Answer{"action=REJ", true});
  EXPECT_EQ(asking.ask(peer.server()), "error: the connection was closed without an answer");
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
}

TEST_P(PolicyClientTest, MoreThanOneAnswerIsNoneAndEndsTheConnection) {
  peer.next(PolicyPeer::Answer{"action=DUNNO\n\naction=REJECT\n\n"});
  EXPECT_EQ(asking.ask(peer.server()), "error: more than one answer, or none that ends");
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
  EXPECT_EQ(peer.connections(), 2U);
}

TEST_P(PolicyClientTest, AnAnswerWithoutEndIsNotReadForEver) {
  peer.next(PolicyPeer::Answer{std::string(100'000, 'x')});
  EXPECT_EQ(asking.ask(peer.server()), "error: more than one answer, or none that ends");
}

TEST_P(PolicyClientTest, WhatDoesNotAnswerInTimeIsGivenUpAndAfterThreeNotWaitedFor) {
  peer.hold();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(asking.ask(peer.server(), 20ms), "error: no answer within 0.02 s");
  EXPECT_EQ(asking.ask(peer.server(), 30s), "error: no answer within 30 s, several times just now");
  EXPECT_EQ(peer.connections(), 3U);
}

TEST_P(PolicyClientTest, MoreQuestionsThanConnectionsWaitInLine) {
  asking.connections = 2;
  for (int i = 0; i < 20; ++i)
    asking.begin(peer.server());
  asking.run();
  EXPECT_EQ(asking.said, std::vector<std::string>(20, "action=DUNNO\n\n"));
  EXPECT_EQ(peer.connections(), 2U);
}

TEST_P(PolicyClientTest, WaitingInLineIsBoundedToo) {
  asking.connections = 1;
  peer.hold();
  asking.begin(peer.server());
  asking.begin(peer.server(), 20ms);
  while (asking.said.empty())
    asking.io.run_one();
  EXPECT_EQ(asking.said.front(), "error: all connections were busy for too long");
  peer.release();
  asking.run();
  EXPECT_EQ(asking.said.back(), "action=DUNNO\n\n");
}

TEST_P(PolicyClientTest, AnIoContextMayEndInTheMiddleOfEverything) {
  {
    Asking other;
    other.connections = 2;
    peer.hold();
    for (int i = 0; i < 5; ++i)
      other.begin(peer.server());
    std::thread io([&other] { other.io.run(); });
    peer.wait_for_questions(2);
    other.io.stop();
    io.join();
    EXPECT_TRUE(other.said.empty());
  }
  peer.release();
  EXPECT_EQ(asking.ask(peer.server()), "action=DUNNO\n\n");
}

INSTANTIATE_TEST_SUITE_P(Over,
                         PolicyClientTest,
                         ::testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "unix" : "tcp"; });

}  // namespace
}  // namespace postern::routing
