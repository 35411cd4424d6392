// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace postern::directories::testing {
namespace {

using ::testing::HasSubstr;

std::string text_of(std::string_view filter, std::string_view local = "u") {
  const auto parsed = LdapFilter::parse(filter);
  if (!parsed) return "error: " + parsed.error().sentence;
  const std::string address = std::string(local) + "@company.ru";
  return parsed->text_for({address, local, "company.ru"});
}

TEST(LdapFilterTest, PutsAddressLocalPartAndDomainInTheirPlaces) {
  EXPECT_EQ(text_of("(mail={address})"), "(mail=u@company.ru)");
  EXPECT_EQ(text_of("(proxyAddresses=smtp:{address})"), "(proxyAddresses=smtp:u@company.ru)");
  EXPECT_EQ(text_of("(&(uid={local})(dc={domain}))"), "(&(uid=u)(dc=company.ru))");
  EXPECT_EQ(text_of("(mail={local}@{domain})"), "(mail=u@company.ru)");
}

TEST(LdapFilterTest, EscapesWhatCouldChangeTheFilter) {
  // RFC 4515 section 3.
  EXPECT_EQ(text_of("(uid={local})", "*"), "(uid=\\2a)");
  EXPECT_EQ(text_of("(uid={local})", ")(uid=*"), "(uid=\\29\\28uid=\\2a)");
  EXPECT_EQ(text_of("(uid={local})", "a\\2ab"), "(uid=a\\5c2ab)");
  EXPECT_EQ(text_of("(uid={local})", std::string_view("a\0b", 3)), "(uid=a\\00b)");
  EXPECT_EQ(text_of("(uid={local})", "{address}"), "(uid=\\7baddress\\7d)");
  EXPECT_EQ(text_of("(uid={local})", "\xd1\x83"), "(uid=\\d1\\83)");
}

TEST(LdapFilterTest, TakesEveryKindOfItem) {
  for (const std::string_view filter : {
           "(mail=*)",
           "(mail=a*b*c)",
           "(mail=)",
           "(!(objectClass=computer))",
           "(|(mail=a)(mail=b)(mail=c))",
           "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
           "(memberOf:1.2.840.113556.1.4.1941:=CN=Staff,DC=company,DC=ru)",
           "(cn:dn:2.4.6.8.10:=Barney)",
           "(:caseIgnoreMatch:=x)",
           "(cn:dn:=x)",
           "(cn;lang-ru~=Ivan)",
           "(2.5.4.3>=5)",
           "(a<=5)",
           "(cn=\\28x\\29)",
           "(cn=a=b)",
       }) {
    EXPECT_EQ(text_of(filter), filter);
  }
}

TEST(LdapFilterTest, BlanksAroundParenthesesAreDroppedAndKeptInValues) {
  EXPECT_EQ(text_of(" (&\n  (cn=a b)\n  (mail={address})\n)\n"), "(&(cn=a b)(mail=u@company.ru))");
}

TEST(LdapFilterTest, SaysWhereAndWhatIsWrong) {
  struct Row {
    std::string_view filter;
    std::size_t position;
    std::string_view words;
  };
  for (const Row& row : {
           Row{"",                  0,  "empty"                    },
           Row{"mail={address}",    0,  "begins with \"(\""        },
           Row{"(mail={address}",   15, "\")\" is missing"         },
           Row{"(mail={address}))", 16, "behind the filter's last" },
           Row{"(mail=a)(mail=b)",  8,  "join several"             },
           Row{"(mail={addres})",   6,  "no such placeholder"      },
           Row{"(mail={)",          6,  "no such placeholder"      },
           Row{"({local}=x)",       1,  "stands in a value"        },
           Row{"(mail)",            1,  "\"=\" and a value"        },
           Row{"(&)",               2,  "begins with \"(\""        },
           Row{"(!(a=b)(c=d))",     7,  "\")\" is missing"         },
           Row{"(ma il=x)",         1,  "\"ma il\" is no attribute"},
           Row{"(=x)",              1,  "is no attribute"          },
           Row{"(1..2=x)",          1,  "is no attribute"          },
           Row{"(cn;=x)",           1,  "is no attribute"          },
           Row{"(cn=a\\zz)",        5,  "hexadecimal"              },
           Row{"(cn=a\\2",          5,  "hexadecimal"              },
           Row{"(cn=a(b))",         5,  "before this"              },
           Row{"(cn>=a*)",          6,  "goes with \"=\" only"     },
           Row{{"(cn=a\0b)", 9},    5,  "NUL"                      },
           Row{"(cn=a**)",          6,  "is enough"                },
           Row{"(&(cn=a)x)",        8,  "\")\" is missing"         },
  }) {
    const auto checked = check_filter(row.filter);
    ASSERT_FALSE(checked) << row.filter;
    EXPECT_EQ(checked.error().position, row.position) << row.filter;
    EXPECT_THAT(checked.error().sentence, HasSubstr(row.words)) << row.filter;
  }
}

TEST(LdapFilterTest, ParenthesesWithoutEndAreAnErrorAndNoDeepRecursion) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i)
    deep += "(!";
  EXPECT_THAT(text_of(deep), HasSubstr("too many parentheses"));
}

TEST(LdapFilterTest, TellsWhetherItAsksForAnAddressAtAll) {
  EXPECT_FALSE(LdapFilter::parse("(mail=*)")->has_placeholders());
  EXPECT_TRUE(LdapFilter::parse("(uid={local})")->has_placeholders());
}

}  // namespace
}  // namespace postern::directories::testing
