// SPDX-License-Identifier: Apache-2.0
#include "smtp/client_capabilities.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

TEST(Capabilities, ReadsWhatExchangeOffers) {
  const Capabilities c = parse_capabilities(
      "EX01.company.ru Hello [10.0.0.9]\nSIZE 37748736\nPIPELINING\nDSN\nENHANCEDSTATUSCODES\n"
      "STARTTLS\nX-ANONYMOUSTLS\nAUTH NTLM\nX-EXPS GSSAPI NTLM\n8BITMIME\nBINARYMIME\nCHUNKING\n"
      "XRDST");
  Capabilities expected;
  expected.pipelining = expected.dsn = expected.enhanced_status_codes = expected.starttls = true;
  expected.auth = expected.eight_bit_mime = expected.binarymime = expected.chunking = true;
  expected.size = true;
  expected.max_size = 37748736;
  expected.mechanisms = "NTLM";
  EXPECT_EQ(c, expected);
}

TEST(Capabilities, TakesNothingFromTheFirstLine) {
  EXPECT_EQ(parse_capabilities("PIPELINING"), Capabilities());
  EXPECT_EQ(parse_capabilities(""), Capabilities());
}

TEST(Capabilities, ReadsKeywordsWithoutCase) {
  const Capabilities c = parse_capabilities("x\npipelining\n8bitMime\nSize 100");
  EXPECT_TRUE(c.pipelining);
  EXPECT_TRUE(c.eight_bit_mime);
  EXPECT_EQ(c.max_size, 100U);
}

TEST(Capabilities, TakesSizeWithoutAUsableValueForNoLimit) {
  for (const char* text :
       {"x\nSIZE", "x\nSIZE 0", "x\nSIZE abc", "x\nSIZE -1", "x\nSIZE 99999999999999999999999"}) {
    const Capabilities c = parse_capabilities(text);
    EXPECT_TRUE(c.size) << text;
    EXPECT_FALSE(c.max_size) << text;
  }
}

TEST(Capabilities, ReadsLimitsOfRfc9422) {
  const Capabilities c = parse_capabilities("x\nLIMITS MAILMAX=20 RCPTDOMAINMAX=1 rcptmax=100");
  EXPECT_EQ(c.mail_max, 20U);
  EXPECT_EQ(c.rcpt_max, 100U);
  const Capabilities none = parse_capabilities("x\nLIMITS MAILMAX=0 RCPTMAX= RCPTMAX");
  EXPECT_FALSE(none.mail_max);
  EXPECT_FALSE(none.rcpt_max);
}

TEST(Capabilities, ReadsTheOldWayOfWritingArguments) {
  EXPECT_TRUE(parse_capabilities("x\nAUTH=LOGIN PLAIN").auth);
  EXPECT_EQ(parse_capabilities("x\nAUTH=LOGIN PLAIN\nAUTH OTHER").mechanisms, "LOGIN PLAIN");
}

TEST(Capabilities, PassesOverWordsThatOnlyBeginAlike) {
  EXPECT_EQ(parse_capabilities("x\nPIPELININGX\nXDSN\n\n \nDSNX 1"), Capabilities());
}

}  // namespace
}  // namespace postern::smtp
