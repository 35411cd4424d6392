// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_login.h"

#include "directories/ldap_connection.h"
#include "ldap_support.h"

#include <gtest/gtest.h>

#include <memory>

namespace postern::directories::testing {
namespace {

using test::Slapd;
using V = LdapVerdict;

/// One slapd: ann has a password, vetrov has none, and two entries share an address.
class LdapLogin : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Slapd::Options options;
    options.database =
        "access to attrs=userPassword by anonymous auth by * none\n"
        "access to * by * read\n";
    server_ = std::make_unique<Slapd>(options);
    server_->add(with_password(Slapd::person("ann", "ann@company.ru"), "ann's secret"));
    server_->add(Slapd::person("vetrov", "v.vetrov@company.ru"));
    server_->add(with_password(Slapd::person("one", "two@company.ru"), "x"));
    server_->add(with_password(Slapd::person("two", "two@company.ru"), "x"));
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static std::string with_password(std::string ldif, const std::string& password) {
    while (ldif.ends_with('\n'))
      ldif.pop_back();
    return ldif + "\nuserPassword: " + password + "\n\n";
  }
  static LdapSettings settings() { return settings_for({server_->url()}); }

  static std::unique_ptr<Slapd> server_;
};
std::unique_ptr<Slapd> LdapLogin::server_;

TEST_F(LdapLogin, BindsAsTheEntryOfTheAddress) {
  EXPECT_EQ(check_ldap_password(settings(), "ann@company.ru", "ann's secret"), V::right);
  EXPECT_EQ(check_ldap_password(settings(), "Ann@Company.ru", "ann's secret"), V::right);
  EXPECT_EQ(check_ldap_password(settings(), "ann@company.ru", "ann's secrets"), V::wrong);
}

TEST_F(LdapLogin, NobodyGetsInWithoutAPasswordOrAnEntry) {
  // A bind without a password succeeds and proves nothing (RFC 4513 5.1.2).
  EXPECT_EQ(check_ldap_password(settings(), "ann@company.ru", ""), V::wrong);
  EXPECT_EQ(check_ldap_password(settings(), "v.vetrov@company.ru", "anything"), V::wrong);
  EXPECT_EQ(check_ldap_password(settings(), "nobody@company.ru", "x"), V::wrong);
  EXPECT_EQ(check_ldap_password(settings(), "two@company.ru", "x"), V::wrong);
  EXPECT_EQ(check_ldap_password(settings(), "ann", "ann's secret"), V::wrong);
  EXPECT_EQ(check_ldap_password(settings(), "*@company.ru", "ann's secret"), V::wrong);
}

TEST(LdapBinds, AreRefusedForTheAccountOrForTheServer) {
  const std::pair<int, bool> codes[] = {
      {19, true },
      {49, true },
      {53, true },
      {51, false},
      {52, false},
      {8,  false}
  };
  for (const auto& [code, is_of_account] : codes) {
    const ScriptedServer server({bind_answer(code)});
    const LdapSettings settings = settings_for({server.url()});
    const auto bound = LdapConnection::open(
        settings, server.url(), std::chrono::steady_clock::now() + settings.timeout);
    ASSERT_FALSE(bound) << code;
    EXPECT_EQ(bound.error().is_of_account, is_of_account) << code;
  }
}

TEST(LdapBinds, AnAccountThatMayNotBindIsAFailureAndNoOutage) {
  Slapd::Options options;
  options.extra = "disallow bind_simple\n";  // 53, as 389 Directory Server says of a locked account
  Slapd server(options);
  server.add(Slapd::person("ann", "ann@company.ru"));
  server.start();
  EXPECT_EQ(check_ldap_password(settings_for({server.url()}), "ann@company.ru", "secret"),
            V::wrong);
}

TEST_F(LdapLogin, SaysSoWhenNobodyCanTell) {
  LdapSettings dead = settings_for({"ldap://127.0.0.1:1"});
  EXPECT_EQ(check_ldap_password(dead, "ann@company.ru", "ann's secret"), V::unavailable);
  dead.servers.push_back(server_->url());
  EXPECT_EQ(check_ldap_password(dead, "ann@company.ru", "ann's secret"), V::right);
  LdapSettings wrong_account = settings();
  wrong_account.bind_dn = Slapd::kAdmin;
  wrong_account.bind_password = "wrong";
  EXPECT_EQ(check_ldap_password(wrong_account, "ann@company.ru", "ann's secret"), V::unavailable);
  LdapSettings wide = settings();
  wide.filter = "(objectClass=person)";
  EXPECT_EQ(check_ldap_password(wide, "ann@company.ru", "ann's secret"), V::unavailable);
}

}  // namespace
}  // namespace postern::directories::testing
