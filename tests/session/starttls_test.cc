// SPDX-License-Identifier: Apache-2.0
// STARTTLS (RFC 3207) against clients that mix what is plain with what is not.
#include "base/base64.h"
#include "session_fixture.h"
#include "tests/tls/test_certificate.h"
#include "tls/client_certificates.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

namespace postern::smtp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// Keys are slow: one set a process.
struct Certificates {
  test::TemporaryDirectory directory;
  tls::KeyPair server = test::make_certificate(directory, "gw.company.ru", test::KeyType::ecdsa);
  tls::KeyPair printer = test::make_certificate(directory, "printer", test::KeyType::ecdsa);
  tls::KeyPair stranger = test::make_certificate(directory, "stranger", test::KeyType::ecdsa);

  static const Certificates& get() {
    static const Certificates instance;
    return instance;
  }
};

std::shared_ptr<const tls::Context> listener_context(bool asks) {
  const Certificates& files = Certificates::get();
  tls::ServerSettings settings;
  settings.certificates = {files.server};
  if (asks) {
    const std::string print = tls::read_certificate(files.printer.cert)->fingerprint;
    settings.clients = *tls::ClientCertificates::load({
        {"printer", print, "", ""}
    });
  }
  return *tls::Context::server(settings);
}

class Accepts final : public AuthExchange {
 public:
  net::Awaitable<AuthStep> begin(std::optional<std::string>) override {
    co_return AuthStep::succeeded("ann", replies::authenticated());
  }
  net::Awaitable<AuthStep> next(std::string) override {
    co_return AuthStep::failed(replies::auth_malformed());
  }
};

class StartTlsTest : public SessionTest {
 protected:
  StartTlsTest() : client_context(SSL_CTX_new(TLS_client_method())) {
    options.tls = &current;
    options.profile.offer_starttls = true;
    service.on_auth = [](const AuthStart&) { return std::make_unique<Accepts>(); };
  }
  ~StartTlsTest() override {
    finish();
    SSL_CTX_free(client_context);
  }
  void show(const tls::KeyPair& pair) {
    SSL_CTX_use_certificate_chain_file(client_context, pair.cert.c_str());
    SSL_CTX_use_PrivateKey_file(client_context, pair.key.c_str(), SSL_FILETYPE_PEM);
  }
  TestClient& connect_securely() {
    TestClient& client = connect_and_greet();
    EXPECT_THAT(client.ask("STARTTLS"), StartsWith("220 2.0.0 "));
    EXPECT_TRUE(client.secure(client_context));
    return client;
  }

  tls::CurrentContext current{listener_context(false)};
  SSL_CTX* client_context;
};

TEST_F(StartTlsTest, BeginsTheSessionAnew) {
  TestClient& client = connect_securely();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("503 5.5.1 ")) << "EHLO from before";
  EXPECT_THAT(client.ask("RCPT TO:<b@corp.com>"), StartsWith("503 5.5.1 "));
  EXPECT_THAT(client.ask("EHLO other.example"),
              AllOf(StartsWith("250-"), Not(HasSubstr("STARTTLS")), HasSubstr("PIPELINING")));
  EXPECT_THAT(client.ask("STARTTLS"), StartsWith("503 5.5.1 "));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  ASSERT_EQ(service.messages.size(), 1U);
  EXPECT_EQ(service.messages[0].helo, "other.example");
}

TEST_F(StartTlsTest, MayGoOnWithHelo) {
  TestClient& client = connect_securely();
  EXPECT_THAT(client.ask("HELO other.example"), "250 gw.company.ru");
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  client.ask("QUIT");
}

TEST_F(StartTlsTest, ForgetsWhoLoggedInBefore) {
  options.profile.auth_mechanisms = "PLAIN";
  options.profile.auth_required = true;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("AUTH PLAIN " + to_base64("secret")), StartsWith("235 "));
  EXPECT_THAT(client.ask("STARTTLS"), StartsWith("220 "));
  ASSERT_TRUE(client.secure(client_context));
  EXPECT_THAT(client.ask("EHLO other.example"), HasSubstr("AUTH PLAIN"));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("530 5.7.0 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(service.messages, IsEmpty());
}

TEST_F(StartTlsTest, IsRefusedInsideATransaction) {
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  EXPECT_THAT(client.ask("STARTTLS"), StartsWith("503 5.5.1 "));
  EXPECT_THAT(client.ask("RCPT TO:<b@corp.com>"), StartsWith("250 ")) << "still plain";
  client.ask("QUIT");
}

TEST_F(StartTlsTest, TakesNoArguments) {
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("STARTTLS now"), StartsWith("501 5.5.4 "));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
  client.send("STARTTLS\n");
  EXPECT_THAT(client.reply(), StartsWith("500 5.5.2 "));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
  client.ask("QUIT");
}

/// Command injection: what a man in the middle puts behind STARTTLS would be taken for the client's
/// own words inside TLS.
TEST_F(StartTlsTest, RefusesWhoeverSaysMoreInTheSamePacket) {
  const std::string more[] = {
      "MAIL FROM:<evil@corp.com>\r\n",  // a command
      "MAI",                            // half of one
      "\r\n",                           // nearly nothing
      std::string(1, '\0'),             // an octet
      "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n",
      std::string("\x16\x03\x01\x00\x2f\x01\x00", 7),  // a ClientHello that did not wait
      "STARTTLS\r\n",
  };
  for (const std::string& injected : more) {
    TestClient& client = connect_and_greet();
    client.send("STARTTLS\r\n" + injected);
    EXPECT_THAT(client.reply(), StartsWith("554 5.5.1 ")) << injected;
    EXPECT_TRUE(client.closed_by_server()) << injected;
  }
  finish();
  EXPECT_THAT(service.messages, IsEmpty());
  EXPECT_EQ(service.notes.size(), std::size(more));
}

/// What comes in plain behind the 220, where a ClientHello is due.
TEST_F(StartTlsTest, RefusesWhoeverGoesOnInPlain) {
  const std::string instead[] = {
      "MAIL FROM:<evil@corp.com>\r\nRCPT TO:<b@corp.com>\r\n",
      "EHLO client.example\r\n",
      "QUIT\r\n",
      std::string("\x15\x03\x03\x00\x02\x01\x00", 7) + "MAIL FROM:<evil@corp.com>\r\n",  // an alert
      std::string("\x16\x03\x01\x00\x05", 5) + "MAIL FROM:<evil@corp.com>\r\n",  // half a record
      std::string(64, '\0'),
  };
  for (const std::string& octets : instead) {
    TestClient& client = connect_and_greet();
    EXPECT_THAT(client.ask("STARTTLS"), StartsWith("220 "));
    client.send(octets);
    EXPECT_EQ(client.line(), "") << octets;
  }
  finish();
  EXPECT_THAT(service.messages, IsEmpty());
  EXPECT_EQ(service.notes.size(), std::size(instead));
  for (const std::string& note : service.notes)
    EXPECT_THAT(note, StartsWith("ended||TLS handshake: "));
}

TEST_F(StartTlsTest, TakesNothingInPlainBehindTheHandshake) {
  TestClient& client = connect_securely();
  client.send_plain("EHLO x\r\nMAIL FROM:<evil@corp.com>\r\n");
  EXPECT_TRUE(client.closed_by_server());
  finish();
  EXPECT_THAT(service.messages, IsEmpty());
}

TEST_F(StartTlsTest, ThrowsAwayWhatCameBeforeAHandshakeFromTheBeginning) {
  options.implicit_tls = true;
  options.profile.offer_starttls = false;
  TestClient& client = connect("EHLO x\r\nMAIL FROM:<evil@corp.com>\r\n");
  EXPECT_EQ(client.line(), "");
  finish();
  EXPECT_THAT(service.messages, IsEmpty());
}

TEST_F(StartTlsTest, SaysNothingInPlainToARefusedClientThatBeginsWithTls) {
  options.implicit_tls = true;
  options.profile.offer_starttls = false;
  service.rights.refusal = replies::too_many_connections();
  TestClient& client = connect();
  EXPECT_EQ(client.line(), "");
  finish();
  EXPECT_THAT(service.notes, ElementsAre(HasSubstr("ended||421 4.7.0 ")));
}

TEST_F(StartTlsTest, KnowsAClientByItsCertificate) {
  current.set(listener_context(true));
  options.profile.auth_required = true;
  show(Certificates::get().printer);
  TestClient& client = connect_securely();
  EXPECT_THAT(client.ask("EHLO printer"), StartsWith("250-"));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  ASSERT_EQ(service.messages.size(), 1U);
  EXPECT_EQ(service.messages[0].identity, "certificate:printer");
  EXPECT_THAT(service.notes, IsEmpty());
}

TEST_F(StartTlsTest, AClientWithAnUnknownCertificateIsNobodyAndTheReasonIsNoted) {
  current.set(listener_context(true));
  options.profile.auth_required = true;
  show(Certificates::get().stranger);
  TestClient& client = connect_securely();
  EXPECT_THAT(client.ask("EHLO stranger"), StartsWith("250-"));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("530 5.7.0 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(service.notes,
              ElementsAre(AllOf(StartsWith("ignored|(the client's certificate)|stranger, sha256:"),
                                HasSubstr("is not in relay.allow_with_certificate")),
                          StartsWith("refused|MAIL FROM:<a@corp.com>|530 5.7.0 ")));
}

TEST_F(StartTlsTest, ASessionUnderWayKeepsItsCertificateWhenThatIsRenewed) {
  TestClient& client = connect_securely();
  current.set(listener_context(false));
  EXPECT_THAT(client.ask("EHLO client.example"), StartsWith("250-"));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  client.ask("QUIT");
}

}  // namespace
}  // namespace postern::smtp
