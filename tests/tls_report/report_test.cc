// SPDX-License-Identifier: Apache-2.0
// RFC 8460 sections 4 and 5: reports as they are sent.
#include "tls_report/report.h"

#include "base/base64.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <zlib.h>

namespace postern::tls_report {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

Facts facts() {
  Facts out;
  out.organization = "Company \"X\"";
  out.contact = "postmaster@gw.example";
  out.from = "tls@gw.example";
  out.submitter = "mx.gw.example";
  out.domain = "example.net";
  out.id = "20261129.1";
  out.day = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29);
  out.now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 1h;
  return out;
}

Day::Policies policies() {
  Day day;
  Sighting one{
      "example.net",
      "sts",
      {"version: STSv1", "mode: enforce"},
      {"*.example.net"               },
      {         },
      "mx.example.net",
      "192.0.2.1",
      {                        }
  };
  day.count(one);
  one.result = "certificate-expired";
  one.detail = "it has expired";
  day.count(one);
  day.count(one);
  return day.domains().at("example.net");
}

std::string unpacked(std::string packed) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(100'000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

TEST(TlsReport, TheJsonHasWhatTheRfcAsks) {
  const Json report = Json::parse(report_json(facts(), policies()));
  EXPECT_EQ(report.at("organization-name"), "Company \"X\"");
  EXPECT_EQ(report.at("date-range").at("start-datetime"), "2026-11-29T00:00:00Z");
  EXPECT_EQ(report.at("date-range").at("end-datetime"), "2026-11-29T23:59:59Z");
  EXPECT_EQ(report.at("contact-info"), "postmaster@gw.example");
  EXPECT_EQ(report.at("report-id"), "20261129.1");
  const Json& policy = report.at("policies").at(0);
  EXPECT_EQ(policy.at("policy").at("policy-type"), "sts");
  EXPECT_EQ(policy.at("policy").at("policy-domain"), "example.net");
  EXPECT_EQ(policy.at("policy").at("policy-string").at(1), "mode: enforce");
  EXPECT_EQ(policy.at("policy").at("mx-host").at(0), "*.example.net");
  EXPECT_EQ(policy.at("summary").at("total-successful-session-count"), 1);
  EXPECT_EQ(policy.at("summary").at("total-failure-session-count"), 2);
  const Json& failure = policy.at("failure-details").at(0);
  EXPECT_EQ(failure.at("result-type"), "certificate-expired");
  EXPECT_EQ(failure.at("receiving-mx-hostname"), "mx.example.net");
  EXPECT_EQ(failure.at("receiving-ip"), "192.0.2.1");
  EXPECT_EQ(failure.at("failed-session-count"), 2);
  EXPECT_EQ(failure.at("failure-reason-code"), "it has expired");
}

TEST(TlsReport, PackedIsGzip) {
  const std::string text = report_json(facts(), policies());
  const std::string packed = gzip(text);
  EXPECT_TRUE(packed.starts_with("\x1f\x8b"));
  EXPECT_EQ(unpacked(packed), text);
}

TEST(TlsReport, TheFileIsNamedAsTheRfcSays) {
  EXPECT_EQ(file_name(facts()),
            "mx.gw.example!example.net!1795910400!1795996799!20261129.1.json.gz");
}

TEST(TlsReport, TheLetterCarriesIt) {
  const std::string packed = gzip(report_json(facts(), policies()));
  const std::string letter = report_letter(facts(), "reports@example.net", packed);
  for (const char* const line :
       {"From: <tls@gw.example>\r\n",
        "To: <reports@example.net>\r\n",
        "Subject: Report Domain: example.net\r\n Submitter: mx.gw.example\r\n"
        " Report-ID: <20261129.1@mx.gw.example>\r\n",
        "TLS-Report-Domain: example.net\r\n",
        "TLS-Report-Submitter: mx.gw.example\r\n",
        "TLS-Required: No\r\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n",
        "Content-Type: application/tlsrpt+gzip\r\n"})
    EXPECT_NE(letter.find(line), std::string::npos) << line;
  std::size_t begin = letter.find("filename=");
  begin = letter.find("\r\n\r\n", begin) + 4;
  std::string base64 = letter.substr(begin, letter.find("\r\n--", begin) - begin);
  std::erase_if(base64, [](char c) { return c == '\r' || c == '\n'; });
  EXPECT_EQ(from_base64(base64), packed);
  for (std::size_t at = 0, end = 0; (end = letter.find("\r\n", at)) != std::string::npos;
       at = end + 2)
    EXPECT_LE(end - at, 998U);
}

TEST(TlsReport, NothingBreaksOutOfItsField) {
  Facts hostile = facts();
  hostile.domain = "evil.example\r\nBcc: x@example\"";
  const std::string letter = report_letter(hostile, "a@example.net\r\nBcc: y", "packed");
  EXPECT_EQ(letter.find("\r\nBcc"), std::string::npos);
  EXPECT_TRUE(Json::accept(report_json(hostile, policies())));
}

}  // namespace
}  // namespace postern::tls_report
