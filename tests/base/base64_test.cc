// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Base64, HasTheVectorsOfTheRfcBothWays) {  // RFC 4648 section 10
  const std::pair<const char*, const char*> vectors[] = {
      {"",       ""        },
      {"f",      "Zg=="    },
      {"fo",     "Zm8="    },
      {"foo",    "Zm9v"    },
      {"foob",   "Zm9vYg=="},
      {"fooba",  "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}
  };
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(to_base64(octets), text);
    EXPECT_EQ(from_base64(text), octets);
  }
}

TEST(Base64, KeepsEveryOctet) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  for (std::size_t n = 0; n <= all.size(); ++n)
    EXPECT_EQ(from_base64(to_base64(all.substr(n))), all.substr(n));
}

TEST(Base64, RefusesEverySpellingButOne) {
  for (const char* text : {"Zg",
                           "Zg=",
                           "Zg===",
                           "=",
                           "==",
                           "====",
                           "Zh==",
                           "Zm9=",
                           "Z===",
                           "Zg==Zg==",
                           "Zm9v\n",
                           "Zm 9",
                           "Zm9-",
                           "Zm9_"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
  EXPECT_FALSE(from_base64(std::string_view("Zm\0v", 4)));
}

}  // namespace
}  // namespace postern
