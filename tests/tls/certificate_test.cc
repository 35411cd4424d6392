// SPDX-License-Identifier: Apache-2.0
#include "tls/certificate.h"

#include "test_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <memory>

namespace postern::tls {
namespace {

using namespace std::chrono_literals;
using test::make_certificate;
using ::testing::ElementsAre;

TEST(CertificateFacts, AreWhatTheFileSays) {
  const test::TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory,
                                        {.names = "DNS:Mail.Example.com,DNS:*.example.org,"
                                                  "IP:127.0.0.1",
                                         .stem = "one",
                                         .type = test::KeyType::rsa,
                                         .from = -2h,
                                         .until = 48h});
  const auto facts = check_pair(pair);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->file, pair.cert);
  EXPECT_THAT(facts->names, ElementsAre("mail.example.com", "*.example.org"));
  EXPECT_EQ(facts->key_type, "RSA");
  EXPECT_EQ(facts->fingerprint.size(), 64U);
  const auto now = std::chrono::system_clock::now();
  EXPECT_LT(facts->not_before, now - 1h);
  EXPECT_GT(facts->not_after, now + 47h);
  EXPECT_LT(facts->not_after, now + 49h);
}

TEST(CertificateFacts, EndWithTheFirstOfTheChainThatEnds) {
  const test::TemporaryDirectory directory;
  const KeyPair root = make_certificate(
      directory, {.names = "", .stem = "root", .until = 480h, .is_authority = true});
  const KeyPair between = make_certificate(
      directory,
      {.names = "", .stem = "between", .until = 12h, .is_authority = true, .issuer = &root});
  const KeyPair pair = make_certificate(
      directory,
      {.names = "DNS:mail.example.com", .stem = "leaf", .until = 48h, .issuer = &between});
  const auto soon = std::chrono::system_clock::now() + 13h;
  const auto served = check_pair(pair);
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_LT(served->not_after, soon);
  const auto read = read_certificate(pair.cert);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_LT(read->not_after, soon);
  EXPECT_THAT(read->names, ElementsAre("mail.example.com"));
}

TEST(CertificateFacts, HaveTimesThatTheClockCannotCount) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  ASSERT_EQ(ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "15260101000000Z"), 1);
  ASSERT_EQ(ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "99991231235959Z"), 1);
  const CertificateFacts facts = facts_of(certificate.get(), "");
  EXPECT_EQ(facts.not_before, std::chrono::system_clock::time_point::min());
  EXPECT_EQ(facts.not_after, std::chrono::system_clock::time_point::max());
}

TEST(CertificateFacts, HaveTheCommonNameWhereThereIsNoOther) {
  const test::TemporaryDirectory directory;
  const KeyPair pair = make_certificate(directory, {.names = "", .stem = "Old.example.com"});
  const auto facts = read_certificate(pair.cert);
  ASSERT_TRUE(facts);
  EXPECT_THAT(facts->names, ElementsAre("old.example.com"));
  EXPECT_EQ(facts->key_type, "ECDSA");
}

TEST(CertificateFacts, CoverNamesByTheLeftmostLabelAlone) {
  CertificateFacts facts;
  facts.names = {"mail.example.com", "*.example.org"};
  EXPECT_TRUE(facts.covers("MAIL.example.com."));
  EXPECT_TRUE(facts.covers("mx1.example.org"));
  EXPECT_FALSE(facts.covers("example.org"));
  EXPECT_FALSE(facts.covers("a.mx1.example.org"));
  EXPECT_FALSE(facts.covers("mx1.example.com"));
  EXPECT_FALSE(facts.covers(".example.org"));
}

}  // namespace
}  // namespace postern::tls
