// SPDX-License-Identifier: Apache-2.0
// Who the client is: PROXY headers, XCLIENT, XFORWARD; and how long it may hold a session.
#include "session_fixture.h"

#include <gmock/gmock.h>

#include <future>
#include <limits>
#include <thread>

namespace postern::smtp {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kHeader = "PROXY TCP4 192.0.2.7 10.0.0.25 50123 25\r\n";

class BehindBalancer : public SessionTest {
 protected:
  BehindBalancer() { expects_proxy = true; }
};

TEST_F(BehindBalancer, TheClientIsWhoTheHeaderSays) {
  TestClient& client = connect(kHeader);
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  finish_by_quit(client);
  ASSERT_EQ(service.clients.size(), 1U);
  const SessionFacts& facts = service.clients[0];
  EXPECT_EQ(facts.client, parse_ip("192.0.2.7"));
  EXPECT_EQ(facts.client_port, 50123);
  EXPECT_EQ(facts.local, net::Endpoint(*parse_ip("10.0.0.25"), 25));
  EXPECT_EQ(facts.proxy, parse_ip("127.0.0.1"));
  EXPECT_THAT(service.notes, Contains("proxied|(PROXY)|"));
}

TEST_F(BehindBalancer, TheHeaderMayComeInPiecesAndNothingBehindItIsLost) {
  TestClient& client = connect();
  for (const char octet : kHeader)
    client.send(std::string_view(&octet, 1));
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  EXPECT_THAT(client.ask("EHLO client.example"), StartsWith("250-"));
  finish_by_quit(client);
  EXPECT_EQ(service.clients.at(0).client, parse_ip("192.0.2.7"));
}

TEST_F(BehindBalancer, AClientThatTalksBehindTheHeaderTalksTooEarly) {
  TestClient& client = connect(kHeader + "EHLO c\r\n");
  EXPECT_THAT(client.reply(), StartsWith("554 5.5.1 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(BehindBalancer, AHealthCheckIsTheBalancerItself) {
  TestClient& client = connect(std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  finish_by_quit(client);
  EXPECT_EQ(service.clients.at(0).client, parse_ip("127.0.0.1"));
  EXPECT_TRUE(service.clients[0].proxy.is_unspecified());
  EXPECT_THAT(service.notes, IsEmpty());
}

TEST_F(BehindBalancer, MayNotSayXclientForAClientThatItDoesNotKnow) {
  service.rights.xclient = true;
  TestClient& client = connect("PROXY UNKNOWN\r\n");
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  EXPECT_THAT(client.ask("EHLO client.example"), Not(HasSubstr("XCLIENT")));
  EXPECT_THAT(client.ask("XCLIENT ADDR=10.0.0.5"), StartsWith("550 5.7.0 "));
  finish_by_quit(client);
  EXPECT_EQ(service.clients.size(), 1U);
}

TEST_F(BehindBalancer, AHealthCheckThatSaysNothingLeavesNoTrace) {
  connect().close();
  finish();
  EXPECT_THAT(service.notes, IsEmpty());
  EXPECT_THAT(service.clients, IsEmpty());
}

TEST_F(BehindBalancer, WithoutAHeaderNothingIsServed) {
  TestClient& client = connect("EHLO client.example\r\n");
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 a PROXY header is expected"));
  EXPECT_TRUE(client.closed_by_server());
  finish();
  EXPECT_THAT(service.clients, IsEmpty());
  EXPECT_THAT(service.notes, Contains("ended|(PROXY)|no PROXY header"));
}

TEST_F(BehindBalancer, AHeaderThatDoesNotComeIsNotWaitedForWithoutEnd) {
  options.timeouts.proxy = 1s;
  TestClient& client = connect("PROXY TCP4 192.0.2.7");
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 "));
  finish();
  EXPECT_THAT(service.notes, Contains("ended|(PROXY)|no PROXY header in time"));
}

TEST_F(BehindBalancer, AStopDoesNotWaitForAHeader) {
  TestClient& client = connect();
  stop_session();
  EXPECT_THAT(client.reply(), StartsWith("421 4.3.2 "));
  finish();
}

TEST_F(BehindBalancer, AClientThatIsRefusedGetsNoGreeting) {
  service.rights.refusal = replies::too_many_connections();
  TestClient& client = connect(kHeader);
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 too many connections"));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, AHeaderOfAnybodyElseIsNotBelieved) {
  TestClient& client = connect(kHeader + "EHLO c\r\n");
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 a PROXY header is not expected"));
  EXPECT_TRUE(client.closed_by_server());
  finish();
  ASSERT_EQ(service.clients.size(), 1U);
  EXPECT_EQ(service.clients[0].client, parse_ip("127.0.0.1"));
}

TEST_F(SessionTest, AHeaderBehindTheGreetingIsNotBelievedEither) {
  TestClient& client = connect();
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  client.send(kHeader);
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 a PROXY header is not expected"));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, NorIsOneOfVersion2) {
  TestClient& client = connect();
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  client.send(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16));
  EXPECT_THAT(client.reply(), StartsWith("500 "));
  EXPECT_THAT(client.reply(), StartsWith("500 "));
  EXPECT_THAT(client.reply(), StartsWith("421 4.7.0 a PROXY header is not expected"));
}

TEST_F(SessionTest, XclientMakesTheClientAnother) {
  service.rights.xclient = true;
  TestClient& client = connect();
  client.reply();
  EXPECT_THAT(client.ask("EHLO proxy.example"),
              HasSubstr("250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"));
  EXPECT_THAT(client.ask("XCLIENT NAME=mx.example ADDR=IPV6:2001:db8::7 PORT=77 LOGIN=Ann@x.ru "
                         "DESTADDR=10.0.0.25 DESTPORT=587"),
              StartsWith("220 "));
  EXPECT_THAT(client.ask("MAIL FROM:<a@b.example>"), StartsWith("503 5.5.1 "));
  EXPECT_THAT(client.ask("EHLO real.example"), StartsWith("250-"));
  EXPECT_THAT(client.ask("MAIL FROM:<a@b.example>"), StartsWith("250 "));
  finish_by_quit(client);
  ASSERT_EQ(service.clients.size(), 2U);
  const SessionFacts& facts = service.clients[1];
  EXPECT_EQ(facts.client, parse_ip("2001:db8::7"));
  EXPECT_EQ(facts.client_name, "mx.example");
  EXPECT_EQ(facts.client_port, 77);
  EXPECT_EQ(facts.identity, "ann@x.ru");
  EXPECT_EQ(facts.local, net::Endpoint(*parse_ip("10.0.0.25"), 587));
  EXPECT_EQ(service.messages.at(0).helo, "real.example");
  EXPECT_EQ(service.messages[0].identity, "ann@x.ru");
  EXPECT_THAT(service.notes, Contains("xclient|XCLIENT|2001:db8::7"));
}

TEST_F(SessionTest, XclientMayTellHeloAndEndsALogin) {
  service.rights.xclient = true;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("XCLIENT HELO=real.example PROTO=SMTP ADDR=[UNAVAILABLE]"),
              StartsWith("220 "));
  EXPECT_THAT(client.ask("MAIL FROM:<a@b.example>"), StartsWith("250 "));
  finish_by_quit(client);
  EXPECT_EQ(service.messages.at(0).helo, "real.example");
  EXPECT_TRUE(service.clients.at(1).client.is_unspecified());
  EXPECT_TRUE(service.clients[1].identity.empty());
}

TEST_F(SessionTest, TheErrorsOfOneClientAreNotThoseOfTheNext) {
  service.rights.xclient = true;
  options.profile.limits.errors = 2;
  TestClient& client = connect_and_greet();
  for (const char* next : {"XCLIENT ADDR=192.0.2.7 HELO=a.example", "XCLIENT ADDR=192.0.2.8"}) {
    EXPECT_THAT(client.ask("NONSENSE"), StartsWith("500 "));
    EXPECT_THAT(client.ask("NONSENSE"), StartsWith("500 "));
    EXPECT_THAT(client.ask(next), StartsWith("220 "));
  }
  finish_by_quit(client);
}

TEST_F(SessionTest, XclientIsRefusedAsPostfixDoes) {
  TestClient& stranger = connect();
  stranger.reply();
  EXPECT_THAT(stranger.ask("EHLO c"), Not(HasSubstr("XCLIENT")));
  EXPECT_THAT(stranger.ask("XCLIENT ADDR=10.0.0.5"), StartsWith("550 5.7.0 "));
  EXPECT_THAT(stranger.ask("XFORWARD ADDR=10.0.0.5"), StartsWith("550 5.7.0 "));
  finish_by_quit(stranger);
  EXPECT_EQ(service.clients.size(), 1U);
}

TEST_F(SessionTest, XclientWithWrongAttributesChangesNothing) {
  service.rights.xclient = true;
  TestClient& client = connect_and_greet();
  for (const char* wrong : {"XCLIENT",
                            "XCLIENT ADDR",
                            "XCLIENT ADDR=",
                            "XCLIENT ADDR=10.0.0",
                            "XCLIENT ADDR=10.0.0.5 PORT=65536",
                            "XCLIENT COLOUR=red",
                            "XCLIENT HELO=a+20b",
                            "XCLIENT NAME=a+0D",
                            "XCLIENT NAME=a+Zb"})
    EXPECT_THAT(client.ask(wrong), StartsWith("501 5.5.4 ")) << wrong;
  EXPECT_THAT(client.ask("MAIL FROM:<a@b.example>"), StartsWith("250 "));
  EXPECT_THAT(client.ask("XCLIENT ADDR=10.0.0.5"), StartsWith("503 5.5.1 "));
  finish_by_quit(client);
  EXPECT_EQ(service.clients.size(), 1U);
}

TEST_F(SessionTest, XforwardIsOfOneTransactionAndForTheLogAlone) {
  service.rights.xforward = true;
  TestClient& client = connect();
  client.reply();
  EXPECT_THAT(client.ask("EHLO filter.example"),
              HasSubstr("250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"));
  EXPECT_THAT(client.ask("XFORWARD NAME=mx.example ADDR=192.0.2.7 source=REMOTE"),
              StartsWith("250 2.0.0 "));
  for (int i = 0; i < 2; ++i) {
    client.ask("MAIL FROM:<a@corp.com>");
    client.ask("RCPT TO:<b@company.ru>");
    client.ask("DATA");
    EXPECT_THAT(client.ask("x\r\n."), StartsWith("250 "));
  }
  finish_by_quit(client);
  ASSERT_EQ(service.messages.size(), 2U);
  EXPECT_EQ(service.messages[0].forwarded, "NAME=mx.example ADDR=192.0.2.7 SOURCE=REMOTE");
  EXPECT_EQ(service.messages[1].forwarded, "");
  EXPECT_EQ(service.clients.size(), 1U);
}

TEST_F(SessionTest, XforwardMayTakeSeveralCommands) {
  service.rights.xforward = true;
  TestClient& client = connect_and_greet();
  // As Postfix has it: an attribute again is another value of it.
  client.ask("XFORWARD NAME=mx.example ADDR=192.0.2.7 PORT=1");
  EXPECT_THAT(client.ask("XFORWARD PROTO=ESMTP HELO=c.example IDENT=ABC SOURCE=REMOTE port=2"),
              StartsWith("250 "));
  client.ask("MAIL FROM:<a@corp.com>");
  finish_by_quit(client);
  EXPECT_EQ(service.messages.at(0).forwarded,
            "NAME=mx.example ADDR=192.0.2.7 PORT=2 PROTO=ESMTP HELO=c.example IDENT=ABC "
            "SOURCE=REMOTE");
}

TEST_F(SessionTest, RsetAndEhloForgetWhatXforwardSaid) {
  service.rights.xforward = true;
  TestClient& client = connect_and_greet();
  for (const char* reset : {"RSET", "EHLO filter.example"}) {
    client.ask("XFORWARD ADDR=192.0.2.7");
    client.ask(reset);
    client.ask("MAIL FROM:<a@corp.com>");
    client.ask("RSET");
  }
  finish_by_quit(client);
  ASSERT_EQ(service.messages.size(), 2U);
  EXPECT_EQ(service.messages[0].forwarded, "");
  EXPECT_EQ(service.messages[1].forwarded, "");
}

TEST_F(SessionTest, EndsWhereTheGatewaySays421ToMail) {
  service.mail_refusal = replies::certificate_withdrawn();
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, ARecipientOverTheClientsLimitComesAgainLater) {
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  EXPECT_THAT(client.ask("RCPT TO:<b@company.ru>"), StartsWith("250 "));
  service.recipient_limit = replies::too_many_recipients_of_client();
  EXPECT_THAT(client.ask("RCPT TO:<c@company.ru>"), StartsWith("450 4.7.1 "));
  finish_by_quit(client);
  EXPECT_EQ(service.messages.at(0).recipients.size(), 1U);
}

/// Octets one after the other until the server says something. The event that is awaited is its
/// reply; a write in between only keeps the other timeouts from passing first.
class Drip {
 public:
  explicit Drip(TestClient& client)
      : thread_([this, &client] {
          const std::future<void> ended = ended_.get_future();
          do {
            client.send("x");
          } while (ended.wait_for(20ms) == std::future_status::timeout);
        }) {}
  ~Drip() {
    ended_.set_value();
    thread_.join();
  }
  Drip(Drip&&) = delete;

 private:
  std::promise<void> ended_;
  std::thread thread_;
};

TEST_F(SessionTest, AMessageThatDripsInIsNotWaitedFor) {
  options.timeouts.data_block = 1s;
  options.profile.limits.data_rate = 1'000'000;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.ask("DATA");
  const Drip drip(client);
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
}

TEST_F(SessionTest, AChunkThatDripsInIsNotWaitedForEither) {
  options.timeouts.data_block = 1s;
  options.profile.limits.data_rate = 1'000'000;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.send("BDAT 1000000 LAST\r\n");
  const Drip drip(client);
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
}

TEST_F(SessionTest, AMessageInManyChunksIsNoLongerThanAnyOther) {
  options.timeouts.message = 1s;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  std::string last;
  while (last.empty() || last.starts_with("250")) {
    client.send("BDAT 1\r\nx");
    last = client.reply();
  }
  EXPECT_THAT(last, StartsWith("421 4.4.2 "));
}

TEST_F(SessionTest, AMessageWhoseNextChunkDoesNotComeIsWaitedForAsLongAsAnyOther) {
  options.timeouts.message = 1s;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.send("BDAT 1\r\nx");
  EXPECT_THAT(client.reply(), StartsWith("250 "));
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
}

TEST_F(SessionTest, AChunkThatIsReadOverIsMeasuredLikeAnyOther) {
  options.timeouts.data_block = 1s;
  options.profile.limits.data_rate = 1000;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("BDAT 30000 LAST"), StartsWith("503 "));
  // Longer than a client may be behind the rate, and ten times as fast.
  std::promise<void> answered;
  std::thread pieces([&client, over = answered.get_future()] {
    for (int left = 15; left > 0; --left) {
      client.send(std::string(2000, 'x'));
      if (over.wait_for(100ms) == std::future_status::ready) return;
    }
    client.send("NOOP\r\n");
  });
  EXPECT_THAT(client.reply(), StartsWith("250 "));
  answered.set_value();
  pieces.join();
  finish_by_quit(client);
}

TEST_F(SessionTest, ASessionEndsWithItsLifetimeWhateverIsSaid) {
  options.timeouts.session = 1s;
  options.profile.limits.idle_commands = std::numeric_limits<unsigned>::max();
  TestClient& client = connect_and_greet();
  std::string last;
  while (last.empty() || last.starts_with("250"))
    last = client.ask("NOOP");
  EXPECT_THAT(last, StartsWith("421 4.4.2 the session has lasted too long"));
}

TEST_F(SessionTest, AnIdleSessionEndsWithItsLifetime) {
  options.timeouts.session = 1s;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 the session has lasted too long"));
  EXPECT_TRUE(client.closed_by_server());
}

}  // namespace
}  // namespace postern::smtp
