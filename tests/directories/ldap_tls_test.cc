// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_source.h"
#include "ldap_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

// LDAPS and StartTLS: the certificate's chain and its name are checked unless `verify` is off.

namespace postern::directories::testing {
namespace {

using test::Slapd;
using test::TestCa;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LdapTlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = std::make_unique<World>();
    for (Slapd* server : {&world_->right, &world_->wrong_name}) {
      server->add(people());
      server->start();
    }
  }
  static void TearDownTestSuite() { world_.reset(); }

  static std::string ask(const std::string& url,
                         const std::function<void(LdapSettings&)>& change = {}) {
    LdapSettings settings = settings_for({url});
    settings.ca = world_->ca.certificate();
    if (change) change(settings);
    const auto answer = make_ldap_source(settings)->look_up(mailbox("v.vetrov"));
    return std::string(word_of(answer.presence)) + " | " + answer.evidence;
  }
  static void start_tls(LdapSettings& settings) { settings.start_tls = true; }

  struct World {
    Folder folder;
    TestCa ca{folder.path(), "ca"};
    TestCa other{folder.path(), "other"};
    Slapd right{options("right", "IP:127.0.0.1,DNS:dc1.company.ru")};
    Slapd wrong_name{options("wrong", "DNS:dc2.company.ru")};

    Slapd::Options options(const std::string& stem, const std::string& names) const {
      Slapd::Options out;
      out.tls = ca.issue(stem, names);
      // Unencrypted questions are refused: what is answered went through TLS.
      out.database = "security ssf=100";
      return out;
    }
  };
  static std::unique_ptr<World> world_;
};
std::unique_ptr<LdapTlsTest::World> LdapTlsTest::world_;

TEST_F(LdapTlsTest, LdapsAsksOverTls) {
  EXPECT_THAT(ask(world_->right.tls_url()), StartsWith("known |"));
}

TEST_F(LdapTlsTest, StartTlsAsksOverTls) {
  EXPECT_THAT(ask(world_->right.url(), start_tls), StartsWith("known |"));
}

TEST_F(LdapTlsTest, WithoutTlsThisServerAnswersNothing) {
  EXPECT_THAT(ask(world_->right.url()),
              AllOf(StartsWith("unavailable |"), HasSubstr("onfidentiality required")));
}

TEST_F(LdapTlsTest, ACertificateOfAnotherAuthorityIsNotTrusted) {
  const auto other = [](LdapSettings& s) { s.ca = world_->other.certificate(); };
  EXPECT_THAT(ask(world_->right.tls_url(), other),
              AllOf(StartsWith("unavailable |"),
                    HasSubstr("connect: "),
                    HasSubstr("certificate is not trusted")));
  const auto other_start = [&](LdapSettings& s) {
    other(s);
    s.start_tls = true;
  };
  EXPECT_THAT(ask(world_->right.url(), other_start),
              AllOf(StartsWith("unavailable |"),
                    HasSubstr("StartTLS: "),
                    HasSubstr("certificate is not trusted")));
}

TEST_F(LdapTlsTest, ACertificateForAnotherNameIsNotTrusted) {
  EXPECT_THAT(ask(world_->wrong_name.tls_url()),
              AllOf(StartsWith("unavailable |"), HasSubstr("for another name")));
  EXPECT_THAT(ask(world_->wrong_name.url(), start_tls),
              AllOf(StartsWith("unavailable |"), HasSubstr("for another name")));
}

TEST_F(LdapTlsTest, WithoutVerificationItIsEncryptedAlone) {
  const auto trusting = [](LdapSettings& s) {
    s.verify = false;
    s.ca = world_->other.certificate();
  };
  EXPECT_THAT(ask(world_->wrong_name.tls_url(), trusting), StartsWith("known |"));
}

TEST_F(LdapTlsTest, AMissingFileOfAuthoritiesIsSaid) {
  const auto missing = [](LdapSettings& s) { s.ca = "/nowhere/ca.pem"; };
  EXPECT_THAT(ask(world_->right.tls_url(), missing),
              AllOf(StartsWith("unavailable |"), HasSubstr("\"/nowhere/ca.pem\" is no file of")));
}

}  // namespace
}  // namespace postern::directories::testing
