// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

namespace postern::directories::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

LdapSettings good() {
  LdapSettings out;
  out.name = "ad";
  out.servers = {"ldaps://dc1.company.ru", "ldaps://[2001:db8::1]:3269"};
  out.bind_dn = "svc-mail@company.ru";
  out.bind_password = "secret";
  out.base = "DC=company,DC=ru";
  out.filter = "(proxyAddresses=smtp:{address})";
  out.attributes = {"mail", "proxyAddresses"};
  return out;
}

struct Row {
  std::string_view key;
  std::string_view words;
  std::function<void(LdapSettings&)> change;
  bool bulk = false;
};

TEST(LdapSettingsTest, AnUsualDirectoryHasNoProblem) {
  EXPECT_THAT(check_ldap(good(), false), IsEmpty());
  LdapSettings bulk = good();
  bulk.filter = "(mail=*)";
  EXPECT_THAT(check_ldap(bulk, true), IsEmpty());
}

TEST(LdapSettingsTest, EveryMistakeNamesItsKeyAndWhatToWrite) {
  const Row rows[] = {
      {"servers",       "write servers = [",             [](LdapSettings& s) { s.servers.clear(); }                  },
      {"servers",       "is no server",                  [](LdapSettings& s) { s.servers = {"dc1.company.ru"}; }     },
      {"servers",       "is no server",                  [](LdapSettings& s) { s.servers = {"ldap://"}; }            },
      {"servers",       "is no server",                  [](LdapSettings& s) { s.servers = {"https://dc1"}; }        },
      {"servers",       "is no server",                  [](LdapSettings& s) { s.servers = {"ldaps://a ldaps://b"}; }},
      {"servers",       "more than a server",            [](LdapSettings& s) { s.servers = {"ldaps://a/dc=b"}; }     },
      {"servers",       "unencrypted",                   [](LdapSettings& s) { s.servers = {"ldap://dc1"}; }         },
      {"start_tls",     "write ldap://",                 [](LdapSettings& s) { s.start_tls = true; }                 },
      {"base",          "write \"dc=company,dc=ru\"",    [](LdapSettings& s) { s.base = "company.ru"; }              },
      {"bind_password", "needs a password",              [](LdapSettings& s) { s.bind_password.clear(); }            },
      {"bind_dn",       "needs an account",              [](LdapSettings& s) { s.bind_dn.clear(); }                  },
      {"attributes",    "no attribute",                  [](LdapSettings& s) { s.attributes = {"mail, cn"}; }        },
      {"filter",        "column 7: no such placeholder", [](LdapSettings& s) { s.filter = "(mail={x})"; }            },
      {"filter",        "same for every address",        [](LdapSettings& s) { s.filter = "(mail=*)"; }              },
      {"filter",        "without placeholders",          [](LdapSettings&) {},                                         true},
      {"attributes",
       "reads the addresses",                                   [](LdapSettings& s) {
         s.filter = "(mail=*)";
         s.attributes.clear();
       },                                                                                          true},
      {"page_size",
       "1000",                                          [](LdapSettings& s) {
         s.filter = "(mail=*)";
         s.page_size = 0;
       },   true},
      {"timeout",        "5s",                                   [](LdapSettings& s) { s.timeout = {}; }                                                                                            },
  };
  for (const Row& row : rows) {
    LdapSettings settings = good();
    row.change(settings);
    const auto problems = check_ldap(settings, row.bulk);
    ASSERT_FALSE(problems.empty()) << row.words;
    bool found = false;
    for (const LdapProblem& problem : problems)
      found |= problem.key == row.key && problem.sentence.find(row.words) != std::string::npos;
    EXPECT_TRUE(found) << row.key << ": " << row.words << ", but: " << problems[0].sentence;
  }
}

TEST(LdapSettingsTest, APasswordInTheClearIsAWarningAndNoError) {
  LdapSettings settings = good();
  settings.servers = {"ldap://dc1"};
  const auto problems = check_ldap(settings, false);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].is_warning);
  settings.start_tls = true;
  EXPECT_THAT(check_ldap(settings, false), IsEmpty());
}

TEST(LdapSettingsTest, AServerIsNamedWithoutItsScheme) {
  EXPECT_EQ(ldap_server_name("ldaps://dc1.company.ru"), "dc1.company.ru");
  EXPECT_EQ(ldap_server_name("ldap://dc1:3268/"), "dc1:3268");
}

}  // namespace
}  // namespace postern::directories::testing
