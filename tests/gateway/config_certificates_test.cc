// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_support.h"

#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using ::testing::HasSubstr;

/// Lines behind the small config, whose last table is [relay], and the one finding about them.
struct BrokenCertificate {
  std::string more;
  unsigned line;
  std::string key;
  std::string code;
  std::string advice;
};

TEST(ConfigCertificates, SaysWhatIsWrongAndWhatToWrite) {
  const std::string print = "sha256:" + std::string(64, '0');
  const auto client = [](const std::string& keys) {
    return "allow_with_certificate = [{ " + keys + " }]\n";
  };
  const std::string key = "relay.allow_with_certificate";
  const std::string secure = "[tls]\ncertificates = [{ cert = \"/c\", key = \"/k\" }]\n";
  const std::string print_key = key + ".fingerprint";
  // clang-format off
  const BrokenCertificate cases[] = {
      {client("name = \"a\""), 22, key + ".name", "missing-key", "fingerprint = "},
      {client("fingerprint = \"" + print + "\""), 22, key, "missing-key", "name"},
      {client("name = \"a\", fingerprint = \"md5:00\""), 22, print_key, "bad-fingerprint",
       "openssl x509"},
      {client("name = \"a\", fingerprint = \"" + print + "0\""), 22, print_key, "bad-fingerprint",
       "64 hex digits"},
      {client("name = \"a b\", fingerprint = \"" + print + "\""), 22, key + ".name", "bad-value",
       "one word"},
      {client("name = \"a\", host = \"r.example.com\""), 22, key + ".host", "missing-key",
       "with ca = "},
      {client("name = \"a\", host = \"-\", ca = \"/ca\""), 22, key + ".host", "bad-domain", ""},
      {client("name = \"a\", fingerprint = \"" + print + "\", ca = \"/ca\""), 22, print_key,
       "contradiction", "two entries"},
      {"allow_with_certificate = [{ name = \"a\", fingerprint = \"" + print +
           "\" }, { name = \"a\", fingerprint = \"" + print + "\" }]\n",
       22, key, "duplicate-certificate", "leave one out"},
      {"[[listener]]\nname = \"two\"\nbind = \"[::1]:26\"\nask_certificate = true\n" + secure,
       25, "listener.ask_certificate", "contradiction", "tls = \"starttls\""},
      {"[[listener]]\nname = \"two\"\nbind = \"[::1]:26\"\ntls = \"implicit\"\n",
       25, "listener.tls", "no-certificate", "[tls] certificates"},
  };
  // clang-format on
  for (const BrokenCertificate& broken : cases) {
    const LoadResult result = parse(std::string(kSmall) + broken.more);
    EXPECT_FALSE(result.config) << broken.more;
    ASSERT_EQ(result.findings.size(), 1U) << broken.more << shown(result.findings);
    const Finding& finding = result.findings[0];
    EXPECT_EQ(finding.line, broken.line) << broken.more;
    if (finding.code != "missing-key") EXPECT_EQ(finding.key, broken.key);
    EXPECT_EQ(finding.code, broken.code);
    EXPECT_THAT(finding.message, HasSubstr(broken.advice));
  }
}

TEST(ConfigCertificates, TakesAFingerprintAsOpensslPrintsIt) {
  std::string colons;
  for (int i = 0; i < 32; ++i)
    colons += i == 0 ? "AB" : ":AB";
  const LoadResult result =
      parse(std::string(kSmall) + "allow_with_certificate = [{ name = \"a\", fingerprint = \"" +
            colons + "\" }]\n");
  ASSERT_TRUE(result.config) << shown(result.findings);
  std::string digits;
  for (int i = 0; i < 32; ++i)
    digits += "ab";
  EXPECT_EQ(result.config->tls.clients.at(0).fingerprint, digits);
}

}  // namespace
}  // namespace postern::gateway
