// SPDX-License-Identifier: Apache-2.0
// What the whole gateway makes of where clients come from, and of their limits.
#include "server_fixture.h"
#include "support/wire.h"
#include "tests/tls/test_certificate.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

namespace postern::gateway {
namespace {

using test::ExchangeClient;
using test::Wire;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kLetter = "From: a@corp.com\r\nSubject: x\r\n\r\nbody\r\n";
const std::string kFromX = "PROXY TCP4 127.0.0.5 127.0.0.1 50123 25\r\n";

/// The last line of the reply to a line.
std::string told(Wire& wire, const std::string& line) {
  if (!line.empty()) wire.write(line + "\r\n");
  for (;;) {
    const std::optional<std::string> got = wire.line();
    if (!got) return {};
    if (got->size() < 4 || (*got)[3] != '-') return *got;
  }
}

TEST_F(ServerTest, CountsOfAClientSurviveAReloadThatChangesItsRate) {
  setup.after = "[limits]\nmessages_per_client = \"2 in 1h\"\n";
  start();
  ExchangeClient session = client();
  EXPECT_TRUE(session.send("a@corp.com", {"u@tech.company.ru"}, kLetter).delivered());
  EXPECT_TRUE(session.send("a@corp.com", {"u@tech.company.ru"}, kLetter).delivered());
  EXPECT_THAT(session.send("a@corp.com", {"u@tech.company.ru"}, kLetter).mail,
              StartsWith("450 4.7.1 "));
  reload();
  ExchangeClient again = client();
  EXPECT_THAT(again.send("a@corp.com", {"u@tech.company.ru"}, kLetter).mail,
              StartsWith("450 4.7.1 "));
  setup.after = "[limits]\nmessages_per_client = \"3 in 1h\"\n";
  reload();
  EXPECT_TRUE(again.send("a@corp.com", {"u@tech.company.ru"}, kLetter).delivered());
  EXPECT_THAT(again.send("a@corp.com", {"u@tech.company.ru"}, kLetter).mail,
              StartsWith("450 4.7.1 "));
}

TEST_F(ServerTest, TheLetterComesFromTheNextHopThatAProxyHeaderNames) {  // R7
  setup.listener = "proxy_protocol = [\"127.0.0.1\"]";
  start();
  const std::unique_ptr<Wire> wire = Wire::connect("127.0.0.1", port());
  wire->write(kFromX);
  EXPECT_THAT(told(*wire, ""), StartsWith("220 "));
  EXPECT_THAT(told(*wire, "EHLO x.company.ru"), StartsWith("250 "));
  EXPECT_THAT(told(*wire, "MAIL FROM:<a@company.ru>"), StartsWith("250 "));
  // Of a stranger company.ru's mail goes to X; what X itself sends goes to V.
  EXPECT_THAT(told(*wire, "RCPT TO:<u@company.ru>"), StartsWith("250 "));
  EXPECT_THAT(told(*wire, "DATA"), StartsWith("354 "));
  EXPECT_THAT(told(*wire, std::string(kLetter) + "."), StartsWith("250 "));
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U);
  EXPECT_EQ(x.mails().size(), 0U);
  EXPECT_THAT(v.mails()[0].octets, HasSubstr("[127.0.0.5]"));
  wait_for_line("client=127.0.0.5 proxy=127.0.0.1 listener=mx event=proxied");
}

TEST_F(ServerTest, SessionsBehindABalancerCountForTheirClients) {
  setup.listener = "proxy_protocol = [\"127.0.0.1\"]";
  setup.after = "[limits]\nsessions_per_client = 1\n";
  start();
  std::vector<std::unique_ptr<Wire>> wires;
  for (const auto& [address, code] : {std::pair("192.0.2.1", "220 "),
                                      std::pair("192.0.2.2", "220 "),
                                      std::pair("192.0.2.1", "421 4.7.0 ")}) {
    wires.push_back(Wire::connect("127.0.0.1", port()));
    wires.back()->write("PROXY TCP4 " + std::string(address) + " 127.0.0.1 50123 25\r\n");
    EXPECT_THAT(told(*wires.back(), ""), StartsWith(code)) << address;
  }
}

TEST_F(ServerTest, SessionsOfAFilterCountForWhomXclientNames) {
  setup.listener = "xclient = [\"127.0.0.1\"]";
  setup.after = "[limits]\nsessions_per_client = 1\n";
  start();
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 3; ++i) {
    wires.push_back(Wire::connect("127.0.0.1", port()));
    EXPECT_THAT(told(*wires.back(), ""), StartsWith("220 "));
    EXPECT_THAT(told(*wires.back(), "EHLO filter.example"), StartsWith("250 "));
  }
  EXPECT_THAT(told(*wires[0], "XCLIENT ADDR=192.0.2.1"), StartsWith("220 "));
  EXPECT_THAT(told(*wires[1], "XCLIENT ADDR=192.0.2.2"), StartsWith("220 "));
  EXPECT_THAT(told(*wires[2], "XCLIENT ADDR=192.0.2.1"), StartsWith("421 4.7.0 "));
}

TEST_F(ServerTest, ACertificateThatIsStruckOffEndsSessionsAtTheirNextMail) {
  const test::TemporaryDirectory directory;
  const tls::KeyPair own = test::make_certificate(directory, "gw", test::KeyType::ecdsa);
  const tls::KeyPair printer = test::make_certificate(directory, "printer", test::KeyType::ecdsa);
  const std::string print = tls::read_certificate(printer.cert)->fingerprint;
  const auto known = [&](const std::string& name) {
    return "[tls]\ncertificates = [{ cert = \"" + own.cert + "\", key = \"" + own.key +
           "\" }]\n[relay]\nallow_with_certificate = [{ name = \"" + name +
           "\", fingerprint = \"sha256:" + print + "\" }]\n";
  };
  setup.listener = "tls = \"starttls\"\nask_certificate = true";
  setup.after = known("printer");
  start();
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free);
  SSL_CTX_use_certificate_chain_file(context.get(), printer.cert.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), printer.key.c_str(), SSL_FILETYPE_PEM);
  const std::unique_ptr<Wire> wire = Wire::connect("127.0.0.1", port());
  EXPECT_THAT(told(*wire, ""), StartsWith("220 "));
  EXPECT_THAT(told(*wire, "EHLO printer"), StartsWith("250 "));
  EXPECT_THAT(told(*wire, "STARTTLS"), StartsWith("220 "));
  ASSERT_TRUE(wire->handshake(context.get(), false));
  EXPECT_THAT(told(*wire, "EHLO printer"), StartsWith("250 "));
  EXPECT_THAT(told(*wire, "MAIL FROM:<a@corp.com>"), StartsWith("250 "));
  EXPECT_THAT(told(*wire, "RSET"), StartsWith("250 "));
  setup.after = known("another");
  reload();
  EXPECT_THAT(told(*wire, "MAIL FROM:<a@corp.com>"), StartsWith("421 4.7.0 "));
  wait_for_line("event=ended command=MAIL");
}

}  // namespace
}  // namespace postern::gateway
