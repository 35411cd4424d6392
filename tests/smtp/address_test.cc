// SPDX-License-Identifier: Apache-2.0
#include "smtp/address.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

struct Good {
  const char* path;
  const char* local;
  const char* domain;
};

TEST(ParsePath, TakesWhatRfc5321Allows) {
  // clang-format off
  const Good cases[] = {
      {"<a@b.example>",                     "a",               "b.example"         },
      {"<a+tag@b.example>",                 "a+tag",           "b.example"         },
      {"<i.ivanov@company.ru.>",            "i.ivanov",        "company.ru"        },
      {"<\"a b\"@c.example>",               "\"a b\"",         "c.example"         },
      {"<\"a@b\"@c.example>",               "\"a@b\"",         "c.example"         },
      {"<\"a\\\"b>\"@c.example>",           "\"a\\\"b>\"",     "c.example"         },
      {"<!#$%&'*+-/=?^_`{|}~@c.example>",   "!#$%&'*+-/=?^_`{|}~", "c.example"     },
      {"<a@[192.0.2.1]>",                   "a",               "[192.0.2.1]"       },
      {"<a@[IPv6:2001:db8::1]>",            "a",               "[IPv6:2001:db8::1]"},
      {"<a@[x-new:stuff!]>",                "a",               "[x-new:stuff!]"    },
      {"<@r.example:a@b.example>",          "a",               "b.example"         },
      {"<@r.example,@s.example:a@b.example>", "a",             "b.example"         },
      {"<pOSTmaster>",                      "pOSTmaster",      ""                  },
      {"<a@ex_01.example>",                 "a",               "ex_01.example"     },
      {"<a@host>",                          "a",               "host"              },
  };
  // clang-format on
  for (const Good& c : cases) {
    const auto parsed = parse_path(c.path, false);
    ASSERT_TRUE(parsed.has_value()) << c.path << ": " << parsed.error().message();
    EXPECT_EQ(parsed->path.local, c.local) << c.path;
    EXPECT_EQ(parsed->path.domain, c.domain) << c.path;
    EXPECT_FALSE(parsed->path.is_null);
    EXPECT_TRUE(parsed->rest.empty());
  }
}

struct Bad {
  std::string path;
  Errc reason;
};

TEST(ParsePath, SaysWhatIsWrong) {
  // clang-format off
  const Bad cases[] = {
      {"",                        Errc::missing_brackets   },
      {"a@b.example",             Errc::missing_brackets   },
      {"<a@b.example",            Errc::missing_brackets   },
      {"<a>",                     Errc::bad_domain         },
      {"<a@>",                    Errc::bad_domain         },
      {"<@b.example>",            Errc::bad_source_route   },
      {"<@r.example,:a@b>",       Errc::bad_source_route   },
      {"<a..b@c.example>",        Errc::bad_local_part     },
      {"<.a@c.example>",          Errc::bad_local_part     },
      {"<a.@c.example>",          Errc::bad_local_part     },
      {"<a b@c.example>",         Errc::bad_local_part     },
      {"<\"a@c.example>",         Errc::bad_local_part     },
      {"<\"a\"b@c.example>",      Errc::bad_local_part     },
      {"<a@b..example>",          Errc::bad_domain         },
      {"<a@-b.example>",          Errc::bad_domain         },
      {"<a@b-.example>",          Errc::bad_domain         },
      {"<a@b!c>",                 Errc::bad_domain         },
      {"<a@[192.0.2.256]>",       Errc::bad_address_literal},
      {"<a@[1.2.3.4.5]>",         Errc::bad_address_literal},
      {"<a@[IPv6:12345::]>",      Errc::bad_address_literal},
      {"<a@[]>",                  Errc::bad_address_literal},
      {"<a@[x:]>",                Errc::bad_address_literal},
      {"<\xd0\xb8@b.example>",    Errc::needs_smtputf8     },
      {"<a@\xd0\xb8.example>",    Errc::needs_smtputf8     },
      {"<" + std::string(65, 'a') + "@b.example>", Errc::local_part_too_long},
      {"<a@" + std::string(256, 'b') + ">", Errc::domain_too_long},
  };
  // clang-format on
  for (const Bad& c : cases) {
    const auto parsed = parse_path(c.path, false);
    ASSERT_TRUE(parsed.has_error()) << c.path;
    EXPECT_EQ(parsed.error(), make_error_code(c.reason))
        << c.path << ": " << parsed.error().message();
  }
}

TEST(ParsePath, HoldsTheLimitOfAPathBehindASourceRouteToo) {
  std::string domain;
  for (int i = 0; i < 4; ++i)
    domain += std::string(50, 'd') + ".";
  const std::string long_path = "<" + std::string(60, 'a') + "@" + domain + "example>";
  ASSERT_GT(long_path.size(), 256U);
  EXPECT_EQ(parse_path(long_path, false).error(), make_error_code(Errc::path_too_long));
  EXPECT_EQ(parse_path("<@r.example:" + long_path.substr(1), false).error(),
            make_error_code(Errc::path_too_long));
}

TEST(ParsePath, TakesUtf8WhereItIsAllowedAndRefusesWhatIsNone) {
  EXPECT_TRUE(parse_path("<\xd0\xb8@\xd0\xbf.example>", true).has_value());
  for (const char* bad : {"<\xc0\xaf@b.example>",
                          "<\xed\xa0\x80@b.example>",
                          "<\xf5\x80\x80\x80@b>",
                          "<\xd0@b.example>"}) {
    EXPECT_EQ(parse_path(bad, true).error(), make_error_code(Errc::bad_utf8)) << bad;
  }
}

TEST(ParsePath, ReadsALiteralToItsEnd) {
  const std::string hidden("<a@[192.0.2.1\0x]>", 18);
  EXPECT_EQ(parse_path(hidden, false).error(), make_error_code(Errc::bad_address_literal));
}

TEST(ParsePath, NullIsAPathOfItsOwn) {
  const auto parsed = parse_path("<> SIZE=1", false);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->path.is_null);
  EXPECT_EQ(parsed->rest, " SIZE=1");
  EXPECT_TRUE(ReversePath(parsed->path).is_null());
}

TEST(Mailbox, KeepsWhatCameAndComparesAsRfc5321Does) {
  const Mailbox a("I.Ivanov", "Company.RU");
  EXPECT_EQ(a.text(), "I.Ivanov@Company.RU");
  EXPECT_EQ(a, Mailbox("I.Ivanov", "company.ru"));
  EXPECT_FALSE(a == Mailbox("i.ivanov", "company.ru"));
}

TEST(Mailbox, ParsesWhatAPersonTypes) {
  EXPECT_EQ(Mailbox::parse("a@b.example")->text(), "a@b.example");
  for (const char* bad : {"", "a", "a@", "@b", "<a@b>", "a@b>c", "a@b c", "@r:a@b"}) {
    EXPECT_TRUE(Mailbox::parse(bad).has_error()) << bad;
  }
}

TEST(HeloDomain, IsLenientAboutHostsAndStrictAboutLiterals) {
  for (const char* good :
       {"host", "ex_01.company.ru", "company.ru.", "[127.0.0.1]", "[IPv6:::1]"}) {
    EXPECT_TRUE(is_valid_helo_domain(good)) << good;
  }
  for (const char* bad : {"", "[300.0.0.1]", "a b", "-a", "(x)", "a..b"}) {
    EXPECT_FALSE(is_valid_helo_domain(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::smtp
