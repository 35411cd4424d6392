// SPDX-License-Identifier: Apache-2.0
// RFC 8460 section 3: where a domain wants its reports.
#include "tls_report/record.h"

#include <gtest/gtest.h>

namespace postern::tls_report {
namespace {

using Kind = Destination::Kind;

Destination mail(const std::string& address) {
  Destination out;
  out.address = address;
  return out;
}

Destination web(const std::string& host, std::uint16_t port, const std::string& path) {
  Destination out;
  out.kind = Kind::https;
  out.host = host;
  out.port = port;
  out.path = path;
  return out;
}

TEST(TlsReportRecord, TheExamplesOfTheRfc) {
  EXPECT_EQ(destinations_of({"v=TLSRPTv1; rua=mailto:reports@example.com"}),
            std::vector{mail("reports@example.com")});
  EXPECT_EQ(destinations_of({"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"}),
            std::vector{web("reporting.example.com", 443, "/v1/tlsrpt")});
}

TEST(TlsReportRecord, SeveralDestinationsInTheirOrder) {
  const std::vector<Destination> want{mail("a@example.com"), web("r.example.com", 8443, "/x?y=1")};
  EXPECT_EQ(destinations_of({"v=spf1 -all",
                             "v=TLSRPTv1 ;more=1; rua=mailto:a@example.com , ftp://r.example.com/,"
                             " HTTPS://R.example.com:8443/x?y=1 ;"}),
            want);
}

TEST(TlsReportRecord, NoneSeveralOrABrokenOneNameNobody) {
  EXPECT_TRUE(destinations_of({}).empty());
  EXPECT_TRUE(destinations_of({"v=TLSRPTv1"}).empty());
  EXPECT_TRUE(destinations_of({"v=TLSRPTv1;"}).empty());
  EXPECT_TRUE(destinations_of({"v=TLSRPTv10; rua=mailto:a@example.com"}).empty());
  const std::string good = "v=TLSRPTv1; rua=mailto:a@example.com";
  EXPECT_TRUE(destinations_of({good, good}).empty());
}

TEST(TlsReportRecord, OnlySoManyCount) {
  std::string record = "v=TLSRPTv1; rua=mailto:a@example.com";
  for (int i = 0; i < 50; ++i)
    record += ",mailto:b@example.com";
  EXPECT_EQ(destinations_of({record}).size(), kMostDestinations);
}

TEST(TlsReportRecord, EscapesAndParametersOfAMailbox) {
  EXPECT_EQ(destination_of("MAILTO:tls%2Drpt@example.com?subject=x"), mail("tls-rpt@example.com"));
  for (const char* const uri : {"mailto:",
                                "mailto:a",
                                "mailto:@example.com",
                                "mailto:a@",
                                "mailto:a%0D%0ABcc@example.com",
                                "mailto:a%2@example.com",
                                "mailto:a%3Cb@example.com",
                                "mailto:a b@example.com"})
    EXPECT_EQ(destination_of(uri), std::nullopt) << uri;
}

TEST(TlsReportRecord, WebServers) {
  EXPECT_EQ(destination_of("https://r.example.com"), web("r.example.com", 443, "/"));
  EXPECT_EQ(destination_of("https://r.example.com?a=b#c"), web("r.example.com", 443, "/?a=b"));
  for (const char* const uri : {"https://",
                                "https:///x",
                                "https://user@r.example.com/",
                                "https://[::1]/",
                                "https://r.example.com:0/",
                                "https://r.example.com:99999/",
                                "https://r.example.com:/",
                                "http://r.example.com/",
                                "https://-r.example.com/"})
    EXPECT_EQ(destination_of(uri), std::nullopt) << uri;
}

}  // namespace
}  // namespace postern::tls_report
