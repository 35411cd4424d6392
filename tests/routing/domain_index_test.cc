// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_index.h"

#include <gtest/gtest.h>

namespace postern::routing {
namespace {

Domain domain(std::string name, std::vector<std::string> aliases) {
  Domain out;
  out.name = std::move(name);
  out.aliases = std::move(aliases);
  return out;
}

TEST(DomainIndex, FindsMainNamesAndAliasesWithoutCase) {
  const std::vector<Domain> domains{domain("company.ru", {"tech.company.ru"}),
                                    domain("branch.ru", {})};
  const DomainIndex index(domains);
  ASSERT_NE(index.find("Company.RU"), nullptr);
  EXPECT_FALSE(index.find("Company.RU")->under_alias);
  ASSERT_NE(index.find("TECH.company.ru"), nullptr);
  EXPECT_TRUE(index.find("tech.company.ru")->under_alias);
  EXPECT_EQ(index.find("tech.company.ru")->domain, &domains[0]);
  EXPECT_EQ(index.find("branch.ru")->number, 1);
}

TEST(DomainIndex, R8aCoversNoSubdomainAndNothingEmpty) {
  const std::vector<Domain> domains{domain("company.ru", {})};
  const DomainIndex index(domains);
  for (const char* name :
       {"", "ru", "sub.company.ru", "company.ru.", "xcompany.ru", "[127.0.0.1]"}) {
    EXPECT_EQ(index.find(name), nullptr) << name;
  }
}

TEST(DomainIndex, ADomainBeyondAsciiIsFoundInBothSpellings) {
  for (const char* configured : {"почта.рф", "xn--80a1acny.xn--p1ai"}) {
    const std::vector<Domain> domains{domain(configured, {})};
    const DomainIndex index(domains);
    EXPECT_NE(index.find("почта.рф"), nullptr) << configured;
    EXPECT_NE(index.find("XN--80A1ACNY.xn--p1ai"), nullptr) << configured;
  }
}

TEST(DomainIndex, AMainNameWinsOverAnAliasOfTheSameName) {
  const std::vector<Domain> domains{domain("a.ru", {"b.ru"}), domain("b.ru", {})};
  const DomainIndex index(domains);
  EXPECT_EQ(index.find("b.ru")->domain, &domains[1]);
}

TEST(DomainMap, FindsNamesWithoutCaseFewAndMany) {
  DomainMap<std::size_t> map;
  EXPECT_EQ(map.find("n1.example"), nullptr);
  for (std::size_t i = 0; i < 40; ++i) {
    map.emplace(std::string(i, 'n') + ".example", i);
    map.emplace(std::string(i, 'n') + ".example", 99);  // the first one counts
    for (std::size_t known = 0; known <= i; ++known) {
      const std::size_t* const found = map.find(std::string(known, 'N') + ".Example");
      ASSERT_TRUE(found != nullptr) << i;
      EXPECT_EQ(*found, known);
    }
    EXPECT_EQ(map.find(std::string(i + 1, 'n') + ".example"), nullptr);
    EXPECT_EQ(map.find(std::string(i, 'm') + "x.example"), nullptr);
  }
}

TEST(DomainMap, KnowsNamesOfAnySizeApart) {
  DomainMap<int> map;
  map[std::string(63, 'a')] = 1;
  map[std::string(200, 'a')] = 2;
  EXPECT_EQ(*map.find(std::string(63, 'a')), 1);
  EXPECT_EQ(*map.find(std::string(200, 'A')), 2);
  EXPECT_EQ(map.find(std::string(64, 'a')), nullptr);
  EXPECT_EQ(map.find(""), nullptr);
}

}  // namespace
}  // namespace postern::routing
