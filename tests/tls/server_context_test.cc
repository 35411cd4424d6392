// SPDX-License-Identifier: Apache-2.0
// What clients of a listener get: which certificate, which ticket, and whose they are.
#include "memory_handshake.h"
#include "test_certificate.h"
#include "tls/client_certificates.h"
#include "tls/server_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::tls {
namespace {

using namespace std::chrono_literals;
using test::ClientSpec;
using test::KeyType;
using test::make_certificate;
using test::MemoryHandshake;
using test::SessionPtr;
using ::testing::HasSubstr;

constexpr const char* kRsaAlone = "RSA-PSS+SHA256:RSA+SHA256";
constexpr const char* kEcdsaAlone = "ECDSA+SHA256";

std::shared_ptr<const Context> context_of(const ServerSettings& settings) {
  const auto made = Context::server(settings);
  if (!made) throw std::runtime_error(made.error().file + ": " + made.error().message);
  return *made;
}

/// one.example.com of both kinds, two.example.com, and a wildcard.
struct SeveralNames {
  test::TemporaryDirectory directory;
  std::shared_ptr<const Context> context;

  static const SeveralNames& get() {
    static const SeveralNames instance;
    return instance;
  }

 private:
  SeveralNames() {
    ServerSettings settings;
    const auto add = [&](const char* names, const char* stem, KeyType type) {
      settings.certificates.push_back(
          make_certificate(directory, {.names = names, .stem = stem, .type = type}));
    };
    add("DNS:one.example.com", "one-ecdsa", KeyType::ecdsa);
    add("DNS:two.example.com,DNS:three.example.com", "two", KeyType::rsa);
    add("DNS:one.example.com", "one-rsa", KeyType::rsa);
    add("DNS:*.example.com", "any", KeyType::ecdsa);
    add("DNS:*.example.com", "any-rsa", KeyType::rsa);
    context = context_of(settings);
  }
};

std::string served(const ClientSpec& spec) {
  const MemoryHandshake handshake(*SeveralNames::get().context, spec);
  return handshake.succeeded() ? handshake.certificate() : "nothing";
}

TEST(ServerNames, ChooseTheCertificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto by_name = [version](const char* name) {
      return served({.server_name = name, .algorithms = kRsaAlone, .version = version});
    };
    EXPECT_EQ(by_name("two.example.com"), "RSA two.example.com");
    EXPECT_EQ(by_name("THREE.example.com"), "RSA two.example.com");
    EXPECT_EQ(by_name("one.example.com"), "RSA one.example.com");
    EXPECT_EQ(by_name("four.example.com"), "RSA *.example.com");
    EXPECT_EQ(by_name("a.four.example.com"), "RSA one.example.com") << "no wildcard: the default";
    EXPECT_EQ(by_name("elsewhere.org"), "RSA one.example.com");
    EXPECT_EQ(by_name(""), "RSA one.example.com");
  }
}

TEST(ServerNames, HaveBothKindsOfKeysSideBySide) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(
        served({.server_name = "one.example.com", .algorithms = kEcdsaAlone, .version = version}),
        "ECDSA one.example.com");
    EXPECT_EQ(
        served({.server_name = "four.example.com", .algorithms = kEcdsaAlone, .version = version}),
        "ECDSA *.example.com");
    // Where the name itself has one kind alone, the wildcard's is better than nothing.
    EXPECT_EQ(
        served({.server_name = "two.example.com", .algorithms = kEcdsaAlone, .version = version}),
        "ECDSA *.example.com");
  }
}

TEST(ServerContext, HasMozillasGroupsAlone) {
  EXPECT_NE(served({.groups = "P-384"}), "nothing");
  EXPECT_EQ(served({.groups = "P-521"}), "nothing");
}

class ClientsTest : public ::testing::Test {
 protected:
  ClientsTest() {
    settings.certificates.push_back(
        make_certificate(directory, "mail.example.com", KeyType::ecdsa));
    settings.tickets =
        std::make_shared<TicketKeys>(TicketKeys::Options{12h, [this] { return now; }});
  }
  void know(std::vector<ClientCertificate> entries) {
    const auto loaded = ClientCertificates::load(std::move(entries));
    ASSERT_TRUE(loaded) << loaded.error().file;
    settings.clients = *loaded;
  }
  KeyPair certificate(test::CertificateSpec spec) { return make_certificate(directory, spec); }
  static std::string print_of(const KeyPair& pair) {
    return read_certificate(pair.cert)->fingerprint;
  }
  /// Who the client is, or why it is nobody; empty: neither.
  static std::string who(MemoryHandshake& handshake) {
    if (!handshake.succeeded()) return "no handshake";
    Info info;
    describe_client(handshake.server, info);
    EXPECT_EQ(info.verified, !info.client.empty());
    return info.client.empty() ? info.client_problem : "is " + info.client;
  }
  std::string who(const KeyPair& pair, int version = TLS1_3_VERSION) {
    MemoryHandshake handshake(*context_of(settings), {.pair = &pair, .version = version});
    return who(handshake);
  }

  test::TemporaryDirectory directory;
  std::chrono::steady_clock::time_point now{std::chrono::hours(1000)};
  ServerSettings settings;
};

TEST_F(ClientsTest, AreKnownByTheFingerprintWhoeverSigned) {
  const KeyPair printer = certificate({.names = "DNS:printer", .stem = "printer"});
  const KeyPair other = certificate({.names = "DNS:printer", .stem = "other"});
  know({
      {"printer", print_of(printer), "", ""}
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(who(printer, version), "is printer");
    EXPECT_THAT(who(other, version), HasSubstr("is not in relay.allow_with_certificate"));
    EXPECT_THAT(who(other, version), HasSubstr("sha256:" + print_of(other)));
  }
}

TEST_F(ClientsTest, AreKnownByANameThatTheRightAuthorityHasSigned) {
  const KeyPair ca = certificate({.stem = "ca", .is_authority = true});
  const KeyPair middle = certificate({.stem = "middle", .is_authority = true, .issuer = &ca});
  const KeyPair other_ca = certificate({.stem = "other-ca", .is_authority = true});
  const KeyPair branch =
      certificate({.names = "DNS:relay.branch.ru", .stem = "branch", .issuer = &ca});
  const KeyPair behind =
      certificate({.names = "DNS:relay.branch.ru", .stem = "behind", .issuer = &middle});
  const KeyPair foreign =
      certificate({.names = "DNS:relay.branch.ru", .stem = "foreign", .issuer = &other_ca});
  const KeyPair wildcard =
      certificate({.names = "DNS:*.branch.ru", .stem = "wildcard", .issuer = &ca});
  const KeyPair by_common_name = certificate({.stem = "relay.branch.ru", .issuer = &ca});
  know({
      {"branch", "", "relay.branch.ru", ca.cert      },
      {"head",   "", "relay.head.ru",   other_ca.cert}
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(who(branch, version), "is branch");
    EXPECT_EQ(who(behind, version), "is branch");
    EXPECT_THAT(who(foreign, version), HasSubstr("as branch: unable to get local issuer"));
    EXPECT_THAT(who(wildcard, version), HasSubstr("is not in relay.allow_with_certificate"));
    EXPECT_THAT(who(by_common_name, version), HasSubstr("is not in relay.allow_with_certificate"));
  }
}

TEST_F(ClientsTest, AreNobodyOutOfTheirTime) {
  const KeyPair ca = certificate({.stem = "ca", .is_authority = true});
  const KeyPair old = certificate(
      {.names = "DNS:relay.branch.ru", .stem = "old", .from = -2h, .until = -1h, .issuer = &ca});
  const KeyPair early = certificate({.names = "DNS:early", .stem = "early", .from = 1h});
  know({
      {"branch", "",              "relay.branch.ru", ca.cert},
      {"old",    print_of(old),   "",                ""     },
      {"early",  print_of(early), "",                ""     }
  });
  EXPECT_THAT(who(old), HasSubstr("it has expired"));
  EXPECT_THAT(who(early), HasSubstr("as early: it is not valid yet"));
}

TEST_F(ClientsTest, WithoutACertificateAreServedAsAnybody) {
  const KeyPair printer = certificate({.names = "DNS:printer", .stem = "printer"});
  know({
      {"printer", print_of(printer), "", ""}
  });
  MemoryHandshake without(*context_of(settings), {});
  EXPECT_EQ(who(without), "");
  settings.clients = nullptr;
  MemoryHandshake unasked(*context_of(settings), {.pair = &printer});
  EXPECT_EQ(who(unasked), "");
  EXPECT_EQ(SSL_get0_peer_certificate(unasked.server), nullptr) << "nobody asked for it";
}

TEST_F(ClientsTest, AreToldWhichAuthoritiesCountWhereThoseAloneCount) {
  const KeyPair ca = certificate({.stem = "ca", .is_authority = true});
  know({
      {"branch", "", "relay.branch.ru", ca.cert}
  });
  const MemoryHandshake told(*context_of(settings), {});
  EXPECT_EQ(sk_X509_NAME_num(SSL_get0_peer_CA_list(told.client)), 1);
  know({
      {"branch",        "",   "relay.branch.ru", ca.cert},
      { "printer", std::string(64, 'a'),                "",      ""}
  });
  const MemoryHandshake any(*context_of(settings), {});
  EXPECT_LE(sk_X509_NAME_num(SSL_get0_peer_CA_list(any.client)), 0);
}

class TicketsTest : public ClientsTest {
 protected:
  /// A session as a client has it behind its first connection.
  SessionPtr first_session(int version, const KeyPair* pair = nullptr) {
    MemoryHandshake handshake(*context_of(settings), {.pair = pair, .version = version});
    EXPECT_TRUE(handshake.succeeded());
    return SessionPtr(handshake.session());
  }
  /// The next connection is one to a context that was made anew, as behind a reload.
  bool resumes(const SessionPtr& session, int version, const KeyPair* pair = nullptr) {
    MemoryHandshake handshake(*context_of(settings),
                              {.pair = pair, .session = session.get(), .version = version});
    EXPECT_TRUE(handshake.succeeded());
    return handshake.resumed();
  }
};

TEST_F(TicketsTest, AreGoodAcrossReloadsAndOneRotation) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const SessionPtr one = first_session(version);
    EXPECT_TRUE(resumes(one, version));
    const SessionPtr two = first_session(version);
    now += 12h;
    EXPECT_TRUE(resumes(two, version));
    const SessionPtr three = first_session(version);
    now += 24h;
    EXPECT_FALSE(resumes(three, version));
  }
}

TEST_F(TicketsTest, AreRenewedWhenTheirKeyIsTheOneOfBefore) {
  const SessionPtr first = first_session(TLS1_2_VERSION);
  now += 12h;
  MemoryHandshake handshake(*context_of(settings),
                            {.session = first.get(), .version = TLS1_2_VERSION});
  ASSERT_TRUE(handshake.resumed());
  const SessionPtr renewed(handshake.session());
  now += 12h;
  EXPECT_TRUE(resumes(renewed, TLS1_2_VERSION));
  EXPECT_FALSE(resumes(first, TLS1_2_VERSION));
}

TEST_F(TicketsTest, OfOneListenerAreNoneOfAnotherThatAsksForCertificates) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    settings.clients = nullptr;
    const SessionPtr unasked = first_session(version);
    const KeyPair printer = certificate({.names = "DNS:printer", .stem = "printer"});
    know({
        {"printer", print_of(printer), "", ""}
    });
    EXPECT_FALSE(resumes(unasked, version));
    const SessionPtr asked = first_session(version);
    EXPECT_TRUE(resumes(asked, version));
    know({
        {"printer", std::string(64, 'a'), "", ""}
    });
    EXPECT_FALSE(resumes(asked, version)) << "other entries";
  }
}

TEST_F(TicketsTest, AreNotGivenToAClientThatShowsACertificate) {
  const KeyPair printer = certificate({.names = "DNS:printer", .stem = "printer"});
  know({
      {"printer", print_of(printer), "", ""}
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const SessionPtr session = first_session(version, &printer);
    EXPECT_FALSE(resumes(session, version, &printer));
    EXPECT_EQ(who(printer, version), "is printer");
  }
}

}  // namespace
}  // namespace postern::tls
