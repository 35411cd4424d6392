// SPDX-License-Identifier: Apache-2.0
#include "mailtools/talk/conversation.h"

#include "base/base64.h"
#include "tests/support/folder.h"
#include "tests/support/free_port.h"
#include "tests/support/test_ca.h"
#include "tests/support/wire.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace postern::talk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = TalkError::Kind;

/// One connection to 127.0.0.1, held by a thread as the test's function says.
class Server {
 public:
  explicit Server(std::function<void(test::Wire&)> script) {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listening_, plain, size) != 0 || ::listen(listening_, 1) != 0 ||
        ::getsockname(listening_, plain, &size) != 0) {
      ADD_FAILURE() << "no port to listen on";
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, script = std::move(script)] {
      test::Wire wire(::accept(listening_, nullptr, nullptr));
      script(wire);
      wire.close();
    });
  }
  ~Server() {
    thread_.join();
    ::close(listening_);
  }
  Server(Server&&) = delete;

  Target target() const {
    Target out;
    out.host = "127.0.0.1";
    out.port = port_;
    return out;
  }

 private:
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class Notes : public Observer {
 public:
  void on_line(std::string_view line, bool tls) override {
    all.push_back(fmt::format("{}> {}", tls ? "~" : "-", line));
  }
  void on_block(std::string_view octets, bool) override {
    all.push_back(fmt::format("block of {}", octets.size()));
  }
  void on_reply(const Received& received, bool tls) override {
    all.push_back(
        fmt::format("<{}{} {}", tls ? "~" : "-", received.expected ? "" : "!", received.lines));
  }
  void on_error(const TalkError& error) override { all.push_back("error: " + error.detail); }
  void on_closed() override { all.emplace_back("closed"); }
  std::string text() const { return fmt::format("{}", fmt::join(all, "\n")); }
  std::vector<std::string> all;
};

std::unique_ptr<Conversation> open(const Target& target, Observer& observer) {
  auto made = Conversation::open(target, observer);
  if (!made) {
    ADD_FAILURE() << made.error().detail;
    return nullptr;
  }
  return std::move(*made);
}

TEST(Conversation, StepByStep) {
  Server server([](test::Wire& wire) {
    wire.write("220 mx.test ESMTP\r\n");
    EXPECT_EQ(wire.line(), "EHLO client.test");
    wire.write("250-mx.test\r\n250-PIPELINING\r\n250-XCLIENT NAME ADDR\r\n250 SIZE 1000\r\n");
    EXPECT_EQ(wire.line(), "MAIL FROM:<a@test>");
    wire.write("550 5.7.1 not you\r\n");
    EXPECT_EQ(wire.line(), "QUIT");
    wire.write("221 bye\r\n");
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  ASSERT_TRUE(talk);
  ASSERT_EQ(talk->greeting()->code(), 220);
  ASSERT_EQ(talk->hello("EHLO", "client.test")->code(), 250);
  EXPECT_TRUE(talk->capabilities().pipelining);
  EXPECT_EQ(talk->capabilities().max_size, 1000);
  EXPECT_EQ(talk->offered("xclient"), "NAME ADDR");
  EXPECT_EQ(talk->offered("mx.test"), std::nullopt) << "the greeting is no keyword";
  const auto refused = talk->command("MAIL FROM:<a@test>");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->line(), "550 5.7.1 not you");
  EXPECT_TRUE(talk->quit());
  EXPECT_FALSE(talk->is_open());
  EXPECT_THAT(
      notes.all,
      ElementsAre("<- 220 mx.test ESMTP",
                  "-> EHLO client.test",
                  "<- 250-mx.test\r\n250-PIPELINING\r\n250-XCLIENT NAME ADDR\r\n250 SIZE 1000",
                  "-> MAIL FROM:<a@test>",
                  "<-! 550 5.7.1 not you",
                  "-> QUIT",
                  "<- 221 bye",
                  "closed"));
}

TEST(Conversation, PipelinedCommandsLeaveInOneWrite) {
  Server server([](test::Wire& wire) {
    EXPECT_EQ(wire.line(), "MAIL FROM:<a@test>");
    EXPECT_TRUE(wire.has_unread()) << "one write, one packet on loopback";
    EXPECT_EQ(wire.line(), "RCPT TO:<b@test>");
    wire.write("250 one\r\n250 two\r\n");
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  ASSERT_TRUE(talk);
  talk->queue("MAIL FROM:<a@test>");
  talk->queue("RCPT TO:<b@test>");
  EXPECT_EQ(talk->reply()->text(), "one");
  EXPECT_TRUE(talk->has_unread());
  EXPECT_EQ(talk->reply()->text(), "two");
}

TEST(Conversation, ErrorsAreToldApart) {
  Server server([](test::Wire& wire) {
    wire.write("220 mx.test\r\n");
    wire.line();
    wire.write("this is no reply\r\n");
    wire.line();
  });
  Notes notes;
  {
    const auto talk = open(server.target(), notes);
    ASSERT_TRUE(talk);
    talk->greeting();
    const auto strange = talk->command("NOOP");
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error().kind, Kind::bad_reply);
    EXPECT_THAT(strange.error().detail, HasSubstr("this is no reply"));
  }
  Target nobody;
  nobody.host = "127.0.0.1";
  nobody.port = test::free_port();
  const auto refused = Conversation::open(nobody, notes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::unreachable);
  EXPECT_THAT(refused.error().detail, HasSubstr("Connection refused"));
  nobody.local = "192.0.2.1";
  const auto not_ours = Conversation::open(nobody, notes);
  ASSERT_FALSE(not_ours);
  EXPECT_THAT(not_ours.error().detail, HasSubstr("Cannot assign"));
}

TEST(Conversation, AServerThatClosesOrIsSilent) {
  Server server([](test::Wire& wire) {
    wire.line();
    wire.write("421 4.3.2 going down\r\n");
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  ASSERT_TRUE(talk);
  const auto silent = talk->reply_within(std::chrono::milliseconds(50));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, Kind::timed_out);
  talk->queue("HELO client.test");
  const auto late = talk->reply_within(std::chrono::seconds(20));
  ASSERT_TRUE(late) << "a time that has passed is no end";
  EXPECT_EQ(late->code(), 421);
  const auto closed = talk->reply_within(std::chrono::seconds(20));
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, Kind::closed);
}

TEST(Conversation, LastWordsOfAServerThatTakesNoMore) {
  Server server([](test::Wire& wire) {
    wire.line();
    wire.write("552 5.3.4 too large\r\n");
    wire.abort();
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  ASSERT_TRUE(talk);
  talk->queue("DATA");
  talk->send_block(std::string(std::size_t{32} << 20, 'x'));
  const auto words = talk->reply();
  ASSERT_TRUE(words);
  EXPECT_EQ(words->line(), "552 5.3.4 too large");
  const auto over = talk->reply();
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, Kind::closed);
}

/// Nobody listens: nothing is tried.
TEST(Conversation, AnAddressOfAnotherFamilyIsNotConnectedTo) {
  for (const bool own : {false, true}) {
    Target target;
    target.host = own ? "::1" : "127.0.0.1";
    if (own) target.local = "127.0.0.1";
    target.family = Family::ipv6;
    Notes notes;
    const auto talk = Conversation::open(target, notes);
    ASSERT_FALSE(talk);
    EXPECT_EQ(talk.error().kind, own ? Kind::local : Kind::unreachable);
    EXPECT_EQ(talk.error().detail, "127.0.0.1 is no IPv6 address");
    EXPECT_THAT(notes.all, ElementsAre("error: 127.0.0.1 is no IPv6 address"));
  }
}

TEST(Conversation, APreambleComesFirst) {
  Server server([](test::Wire& wire) {
    EXPECT_EQ(wire.line(), "PROXY UNKNOWN");
    wire.write("220 mx.test\r\n");
  });
  Notes notes;
  Target target = server.target();
  target.preamble = "PROXY UNKNOWN\r\n";
  target.preamble_shown = "PROXY UNKNOWN";
  const auto talk = open(target, notes);
  ASSERT_TRUE(talk);
  EXPECT_EQ(talk->greeting()->code(), 220);
  EXPECT_EQ(notes.all.front(), "-> PROXY UNKNOWN");
}

class ConversationTls : public ::testing::Test {
 protected:
  test::Folder folder_;
  test::TestCa ca_{folder_.path(), "authority"};
  test::TestCa::Files files_ = ca_.issue("server", "DNS:mx.test");
  test::SelfSigned shown_{files_.certificate, files_.key};
  Notes notes_;

  Conversation::Done handshake(const TlsTerms& terms, std::optional<TlsFacts>* facts = nullptr) {
    Server server([this](test::Wire& wire) {
      if (wire.handshake(shown_.context(), true)) wire.write("220 mx.test\r\n");
    });
    const auto talk = open(server.target(), notes_);
    Conversation::Done done = talk->start_tls(terms);
    if (done) EXPECT_EQ(talk->greeting()->code(), 220);
    if (facts != nullptr && talk->tls() != nullptr) *facts = *talk->tls();
    return done;
  }
};

TEST_F(ConversationTls, TheCertificateIsShownAndMayBeVerified) {
  std::optional<TlsFacts> facts;
  TlsTerms terms;
  ASSERT_TRUE(handshake(terms, &facts));
  EXPECT_EQ(facts->version, "TLSv1.3");
  EXPECT_FALSE(facts->verified);
  EXPECT_THAT(facts->names, ElementsAre("mx.test"));
  EXPECT_THAT(facts->pem, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_EQ(facts->fingerprint.size(), 64U);
  terms.verify = true;
  terms.ca = ca_.certificate();
  terms.names = {"mx.test"};
  ASSERT_TRUE(handshake(terms, &facts));
  EXPECT_TRUE(facts->verified);
  EXPECT_THAT(notes_.text(), HasSubstr("<~ 220 mx.test"));
}

TEST_F(ConversationTls, AWrongCertificateEndsTheHandshake) {
  TlsTerms terms;
  terms.verify = true;
  terms.ca = ca_.certificate();
  terms.names = {"other.test"};
  const auto wrong = handshake(terms);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, Kind::tls);
  EXPECT_EQ(wrong.error().tls, tls::Failure::certificate_host_mismatch);
  EXPECT_THAT(wrong.error().detail, HasSubstr("other.test"));
}

TEST_F(ConversationTls, WordsInPlainBehindStartTlsAreNotTakenForEncryptedOnes) {
  Server server([](test::Wire& wire) {
    wire.line();
    wire.write("220 go on\r\n250 injected\r\n");
    wire.line();
  });
  const auto talk = open(server.target(), notes_);
  ASSERT_EQ(talk->command("STARTTLS")->code(), 220);
  const auto injected = talk->start_tls({});
  ASSERT_FALSE(injected);
  EXPECT_THAT(injected.error().detail, HasSubstr("250 injected"));
}

Login login_of(std::vector<std::string> mechanisms) {
  Login out;
  out.credentials = {"ann", "correct horse"};
  out.mechanisms = std::move(mechanisms);
  return out;
}

TEST(ConversationAuth, NoSpellingOfThePasswordIsShown) {
  const std::string plain = to_base64(std::string("\0ann\0correct horse", 18));
  Server server([plain](test::Wire& wire) {
    wire.line();
    wire.write("250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n");
    EXPECT_EQ(wire.line(), "AUTH PLAIN " + plain);
    wire.write("535 5.7.8 " + plain + " is wrong, correct horse\r\n");
    EXPECT_EQ(wire.line(), "AUTH LOGIN");
    wire.write("334 VXNlcm5hbWU6\r\n");
    EXPECT_EQ(wire.line(), to_base64("ann"));
    wire.write("334 UGFzc3dvcmQ6\r\n");
    EXPECT_EQ(wire.line(), to_base64("correct horse"));
    wire.write("235 2.7.0 welcome\r\n");
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  talk->hello("EHLO", "client.test");
  const auto got = talk->auth(login_of({"PLAIN", "LOGIN"}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->code(), 235);
  EXPECT_THAT(notes.text(), Not(HasSubstr("correct horse")));
  EXPECT_THAT(notes.text(), Not(HasSubstr(to_base64("correct horse"))));
  EXPECT_THAT(notes.text(), Not(HasSubstr(plain)));
  EXPECT_THAT(notes.text(), HasSubstr("-> AUTH PLAIN PROVIDED_BUT_REMOVED"));
  EXPECT_THAT(notes.text(), HasSubstr("535 5.7.8 PROVIDED_BUT_REMOVED is wrong, PROVIDED"));
}

/// Base64 spellings are told from other words however short the password is.
TEST(ConversationAuth, ShortPasswordsAreHiddenInBase64) {
  const std::string plain = to_base64(std::string("\0ann\0xyz", 8));
  const std::string alone = to_base64("xyz");
  Server server([&](test::Wire& wire) {
    wire.line();
    wire.write("250-mx.test\r\n250 AUTH PLAIN\r\n");
    wire.line();
    wire.write(fmt::format("535 5.7.8 {} and {} are wrong\r\n", plain, alone));
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  talk->hello("EHLO", "client.test");
  Login login = login_of({"PLAIN"});
  login.credentials.password = "xyz";
  EXPECT_FALSE(talk->auth(login));
  EXPECT_THAT(notes.text(), Not(HasSubstr(plain)));
  EXPECT_THAT(notes.text(), Not(HasSubstr(alone)));
  EXPECT_THAT(notes.text(), HasSubstr("5.7.8 PROVIDED_BUT_REMOVED and PROVIDED_BUT_REMOVED are"));
}

TEST(ConversationAuth, WhyThereIsNoLogin) {
  Server server([](test::Wire& wire) {
    wire.line();
    wire.write("250 mx.test\r\n");
    wire.line();
    wire.write("250-mx.test\r\n250 AUTH NTLM\r\n");
  });
  Notes notes;
  const auto talk = open(server.target(), notes);
  talk->hello("EHLO", "client.test");
  const auto none = talk->auth(login_of({}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Kind::refused);
  EXPECT_THAT(none.error().detail, HasSubstr("does not offer AUTH"));
  talk->hello("EHLO", "client.test");
  const auto other = talk->auth(login_of({"PLAIN"}));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().detail, HasSubstr("NTLM"));
}

}  // namespace
}  // namespace postern::talk
