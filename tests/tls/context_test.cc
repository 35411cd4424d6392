// SPDX-License-Identifier: Apache-2.0
#include "tls/context.h"

#include "loopback.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <fstream>

namespace postern::tls {
namespace {

using test::KeyType;
using test::Loopback;
using test::make_certificate;
using test::TemporaryDirectory;

TEST(ServerContext, TakesAnEcdsaAndAnRsaPairSideBySide) {
  const TemporaryDirectory directory;
  const auto context =
      Context::server({make_certificate(directory, "mail.example.com", KeyType::ecdsa),
                       make_certificate(directory, "mail.example.com", KeyType::rsa)});
  ASSERT_TRUE(context) << context.error().message;
  int certificates = 0;
  SSL_CTX* const native = (*context)->native();
  for (auto more = SSL_CTX_set_current_cert(native, SSL_CERT_SET_FIRST); more == 1;
       more = SSL_CTX_set_current_cert(native, SSL_CERT_SET_NEXT)) {
    ++certificates;
  }
  EXPECT_EQ(certificates, 2);
}

TEST(ServerContext, SpeaksTls12And13Alone) {
  const TemporaryDirectory directory;
  const auto context =
      Context::server({make_certificate(directory, "mail.example.com", KeyType::ecdsa)});
  ASSERT_TRUE(context);
  EXPECT_EQ(SSL_CTX_get_min_proto_version((*context)->native()), TLS1_2_VERSION);
  EXPECT_EQ(SSL_CTX_get_max_proto_version((*context)->native()), 0);
  EXPECT_NE(SSL_CTX_get_options((*context)->native()) & SSL_OP_NO_RENEGOTIATION, 0U);
}

TEST(ServerContext, NamesTheFileThatIsMissing) {
  const TemporaryDirectory directory;
  KeyPair pair = make_certificate(directory, "mail.example.com", KeyType::ecdsa);
  const std::string absent = directory.file("absent.pem");
  auto context = Context::server({
      {absent, pair.key}
  });
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().file, absent);
  EXPECT_EQ(context.error().message, "No such file or directory");

  context = Context::server({
      {pair.cert, absent}
  });
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().file, absent);
}

TEST(ServerContext, RefusesAKeyOfAnotherCertificate) {
  const TemporaryDirectory directory;
  const KeyPair one = make_certificate(directory, "one.example.com", KeyType::ecdsa);
  const KeyPair two = make_certificate(directory, "two.example.com", KeyType::ecdsa);
  const KeyPair rsa = make_certificate(directory, "rsa.example.com", KeyType::rsa);
  const std::pair<KeyPair, const char*> cases[] = {
      {two, "key values mismatch"},
      {rsa, "different key types"},
  };
  for (const auto& [other, words] : cases) {
    const auto context = Context::server({
        {one.cert, other.key}
    });
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().file, other.key);
    EXPECT_EQ(context.error().message, words);
  }
}

TEST(ServerContext, RefusesAnEncryptedKeyWithoutAPrompt) {
  const TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory, "mail.example.com", KeyType::ecdsa, "secret");
  const auto context = Context::server({pair});
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().file, pair.key);
  EXPECT_TRUE(context.error().message.starts_with("the key is encrypted"))
      << context.error().message;
}

TEST(ServerContext, RefusesAFileThatIsNoPem) {
  const TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory, "mail.example.com", KeyType::ecdsa);
  const std::string garbage = directory.file("garbage.pem");
  std::ofstream(garbage) << "not a certificate\n";
  const auto context = Context::server({
      {garbage, pair.key}
  });
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().file, garbage);
  EXPECT_FALSE(context.error().message.empty());
}

TEST(ServerContext, RefusesToServeWithoutACertificate) {
  EXPECT_FALSE(Context::server(std::vector<KeyPair>()));
}

TEST(ClientContext, OneThatIsReadAnewHasAnotherNumber) {
  const TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory, "mail.example.com", KeyType::ecdsa);
  ClientContexts contexts;
  const std::uint64_t before = (*contexts.get(pair.cert))->number();
  EXPECT_EQ((*contexts.get(pair.cert))->number(), before);
  EXPECT_TRUE(contexts.load({pair.cert}).empty());
  EXPECT_EQ((*contexts.get(pair.cert))->number(), before) << "its content is the same";
  EXPECT_TRUE(contexts.is_current(pair.cert, before));
  std::ofstream(pair.cert, std::ios::app) << "# changed\n";
  EXPECT_TRUE(contexts.load({pair.cert}).empty());
  EXPECT_NE((*contexts.get(pair.cert))->number(), before);
  EXPECT_FALSE(contexts.is_current(pair.cert, before));
}

TEST(ClientContext, OneThatCannotBeReadStaysAndIsForgottenWhereNobodyWantsIt) {
  const TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory, "mail.example.com", KeyType::ecdsa);
  ClientContexts contexts;
  const std::uint64_t before = (*contexts.get(pair.cert))->number();
  std::ofstream(pair.cert) << "no certificate\n";
  EXPECT_EQ(contexts.load({pair.cert}).size(), 1U);
  EXPECT_TRUE(contexts.is_current(pair.cert, before));
  EXPECT_TRUE(contexts.load({}).empty());
  EXPECT_FALSE(contexts.is_current(pair.cert, before));
}

TEST(ClientContext, TheSystemsAuthoritiesStayWhereTheyAreTheSame) {
  ClientContexts contexts;
  const auto made = contexts.get("");
  ASSERT_TRUE(made);
  EXPECT_TRUE(contexts.load({""}).empty());
  EXPECT_TRUE(contexts.is_current("", (*made)->number()));
}

TEST(ClientContext, VerifiesNothingWhenOpportunistic) {
  const auto context = Context::opportunistic_client();
  ASSERT_TRUE(context);
  EXPECT_EQ(SSL_CTX_get_verify_mode((*context)->native()), SSL_VERIFY_NONE);
}

}  // namespace
}  // namespace postern::tls
