// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_source.h"

#include "ldap_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

// One slapd, questions one by one: what is known, and what is said when it cannot be told.

namespace postern::directories::testing {
namespace {

using routing::Presence;
using test::Slapd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LdapSourceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Anonymous clients see people, but not the closed branch.
    Slapd::Options options;
    options.database =
        "access to dn.subtree=\"ou=closed,dc=company,dc=ru\" by * none\n"
        "access to * by * read\n";
    server_ = std::make_unique<Slapd>(options);
    server_->add(people());
    server_->add("dn: ou=closed,dc=company,dc=ru\nobjectClass: organizationalUnit\nou: closed\n");
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static routing::DirectoryAnswer ask(std::string_view local,
                                      const std::function<void(LdapSettings&)>& change = {}) {
    LdapSettings settings = settings_for({server_->url()});
    if (change) change(settings);
    return make_ldap_source(settings)->look_up(mailbox(local));
  }
  static std::string standing(std::string_view local,
                              const std::function<void(LdapSettings&)>& change = {}) {
    const auto answer = ask(local, change);
    return std::string(word_of(answer.presence)) + " | " + answer.evidence;
  }

  static std::unique_ptr<Slapd> server_;
};
std::unique_ptr<Slapd> LdapSourceTest::server_;

TEST_F(LdapSourceTest, R9AMailboxIsKnownByItsMailAndTheEvidenceNamesServerAndEntry) {
  const auto answer = ask("v.vetrov");
  EXPECT_EQ(answer.presence, Presence::known);
  const std::string name = ldap_server_name(server_->url());
  EXPECT_EQ(answer.evidence, "ldap ad (" + name + "): cn=vetrov,ou=people,dc=company,dc=ru");
}

TEST_F(LdapSourceTest, R8aAddressesOfProxyAddressesAreKnownInAnyCase) {
  EXPECT_THAT(standing("i.ivanov"), StartsWith("known |"));
  EXPECT_THAT(standing("I.IVANOV"), StartsWith("known |"));
  EXPECT_THAT(standing("ivan.ivanov"), StartsWith("known |"));
}

TEST_F(LdapSourceTest, R9NobodyOfThatNameIsUnknownAndNotUnavailable) {
  EXPECT_THAT(standing("n.nobody"), AllOf(StartsWith("unknown |"), HasSubstr("no entry")));
}

TEST_F(LdapSourceTest, OtherKindsOfProxyAddressesAreNoMailboxes) {
  const auto wide = [](LdapSettings& s) { s.filter = "(proxyAddresses=sip:{address})"; };
  EXPECT_THAT(standing("sip", wide),
              AllOf(StartsWith("unknown |"), HasSubstr("1 entries, none with this address in")));
}

TEST_F(LdapSourceTest, AFilterThatIsTooWideMakesNobodyKnown) {
  const auto wide = [](LdapSettings& s) { s.filter = "(|(mail={address})(mail=*))"; };
  EXPECT_THAT(standing("v.vetrov", wide), StartsWith("known |"));
  EXPECT_THAT(standing("n.nobody", wide), StartsWith("unknown |"));
  const auto unguarded = [&](LdapSettings& s) {
    wide(s);
    s.attributes.clear();
  };
  EXPECT_THAT(standing("n.nobody", unguarded), StartsWith("known |")) << "what attributes are for";
}

TEST_F(LdapSourceTest, AnAttributeWithoutDomainIsComparedWithTheLocalPart) {
  const auto by_uid = [](LdapSettings& s) {
    s.filter = "(uid={local})";
    s.attributes = {"uid"};
  };
  EXPECT_THAT(standing("vetrov", by_uid), StartsWith("known |"));
  EXPECT_THAT(standing("v.vetrov", by_uid), StartsWith("unknown |"));
}

TEST_F(LdapSourceTest, CharactersOfFiltersInAMailboxAreOnlyCharacters) {
  // Without the guard, so that the filter alone decides.
  const auto bare = [](LdapSettings& s) { s.attributes.clear(); };
  for (const std::string_view local : {
           std::string_view("*"),
           std::string_view("\"*\""),
           std::string_view("v.*"),
           std::string_view("\"x)(mail=*\""),
           std::string_view("\"*))(|(mail=*\""),
           std::string_view("\"v.vetrov\0\"", 11),
           std::string_view("\"\\\\2a\""),
           std::string_view("{address}"),
       }) {
    EXPECT_THAT(standing(local, bare), StartsWith("unknown |")) << local;
  }
  EXPECT_THAT(standing("\"a(b)c\"", bare), StartsWith("known |"));
  EXPECT_THAT(standing("\"back\\\\slash\"", bare), StartsWith("known |"));
  EXPECT_THAT(standing("\"v.vetrov\"", bare), StartsWith("known |")) << "RFC 5321 4.1.2";
}

TEST_F(LdapSourceTest, ALocalPartThatIsEmptyOrTooLongIsUnknown) {
  EXPECT_THAT(standing("\"\"", [](LdapSettings& s) { s.filter = "(mail=*{local}*)"; }),
              StartsWith("unknown |"));
  EXPECT_THAT(standing(std::string(2000, 'x')), StartsWith("unknown |"));
}

TEST_F(LdapSourceTest, AnAccountIsBoundBeforeItAsks) {
  const auto account = [](LdapSettings& s) {
    s.bind_dn = Slapd::kAdmin;
    s.bind_password = Slapd::kPassword;
  };
  EXPECT_THAT(standing("v.vetrov", account), StartsWith("known |"));
}

TEST_F(LdapSourceTest, R9AWrongPasswordIsUnavailableAndNeverUnknown) {
  const auto wrong = [](LdapSettings& s) {
    s.bind_dn = Slapd::kAdmin;
    s.bind_password = "wrong";
  };
  EXPECT_THAT(standing("n.nobody", wrong),
              AllOf(StartsWith("unavailable | ldap ad: 127.0.0.1:"),
                    HasSubstr("bind: Invalid credentials"),
                    Not(HasSubstr("wrong"))));
}

TEST_F(LdapSourceTest, AnAccountWithoutPasswordIsNotTakenForAnonymous) {
  const auto half = [](LdapSettings& s) { s.bind_dn = Slapd::kAdmin; };
  EXPECT_THAT(standing("v.vetrov", half),
              AllOf(StartsWith("unavailable |"), HasSubstr("no password")));
}

TEST_F(LdapSourceTest, R9AWrongOrClosedBaseIsUnavailableAndNeverUnknown) {
  for (const char* base :
       {"dc=company,dc=com", "ou=gone,dc=company,dc=ru", "ou=closed,dc=company,dc=ru"}) {
    EXPECT_THAT(standing("n.nobody", [&](LdapSettings& s) { s.base = base; }),
                AllOf(StartsWith("unavailable |"), HasSubstr("search: ")))
        << base;
  }
  EXPECT_THAT(standing("n.nobody", [](LdapSettings& s) { s.base = "ou=gone,dc=company,dc=ru"; }),
              HasSubstr("No such object"));
}

TEST_F(LdapSourceTest, TheScopeSaysHowFarItLooks) {
  const auto scope = [](LdapScope value) { return [value](LdapSettings& s) { s.scope = value; }; };
  EXPECT_THAT(standing("v.vetrov", scope(LdapScope::one)), StartsWith("unknown |"));
  EXPECT_THAT(standing("v.vetrov", scope(LdapScope::base)), StartsWith("unknown |"));
  const auto people = [](LdapSettings& s) {
    s.scope = LdapScope::one;
    s.base = "ou=people,dc=company,dc=ru";
  };
  EXPECT_THAT(standing("v.vetrov", people), StartsWith("known |"));
}

TEST_F(LdapSourceTest, AFilterThatWasNotCheckedIsUnavailable) {
  EXPECT_THAT(standing("v.vetrov", [](LdapSettings& s) { s.filter = "(mail={addres})"; }),
              AllOf(StartsWith("unavailable |"), HasSubstr("no such placeholder")));
}

}  // namespace
}  // namespace postern::directories::testing
