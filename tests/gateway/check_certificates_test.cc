// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "tests/gateway/config_support.h"
#include "tests/tls/test_certificate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using test::CertificateSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckCertificates : public ::testing::Test {
 protected:
  tls::KeyPair make(CertificateSpec spec) {
    const tls::KeyPair pair = test::make_certificate(directory, spec);
    for (const std::string& file : {pair.cert, pair.key})
      std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    return pair;
  }
  tls::KeyPair good() {
    return make({.names = "DNS:gw.company.ru", .stem = "good", .until = 24h * 90});
  }
  static std::string listed(const std::vector<tls::KeyPair>& pairs) {
    std::string out;
    for (const tls::KeyPair& pair : pairs)
      out += fmt::format("{{ cert = \"{}\", key = \"{}\" }},", pair.cert, pair.key);
    return "[tls]\ncertificates = [" + out + "]\n";
  }
  /// "code key" of each finding; the messages are in `said`.
  std::vector<std::string> found(const std::vector<tls::KeyPair>& pairs,
                                 const std::string& relay = "",
                                 const std::string& listener = "tls = \"starttls\"\n") {
    std::string text =
        replaced(kSmall, "bind = \"0.0.0.0:25\"\n", "bind = \"0.0.0.0:25\"\n" + listener);
    const LoadResult loaded = parse(text + relay + listed(pairs));
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    std::vector<std::string> out;
    said.clear();
    if (!loaded.config) return out;
    for (const Finding& finding : check(*loaded.config)) {
      out.push_back(finding.code + " " + finding.key);
      said += finding.message + "\n";
    }
    return out;
  }

  test::TemporaryDirectory directory;
  std::string said;
};

TEST_F(CheckCertificates, HasNothingToSayAboutAGoodCertificate) {
  EXPECT_THAT(found({good()}), IsEmpty());
}

TEST_F(CheckCertificates, TellsWhenACertificateIsOutOfItsTimeOrSoWillBe) {
  const auto until = [this](const char* stem, std::chrono::seconds from, std::chrono::seconds to) {
    return found({make({.names = "DNS:gw.company.ru", .stem = stem, .from = from, .until = to})});
  };
  EXPECT_THAT(until("old", -48h, -24h), ElementsAre("certificate-expired tls.certificates.cert"));
  EXPECT_THAT(until("early", 1h, 24h * 90),
              ElementsAre("certificate-not-yet tls.certificates.cert"));
  EXPECT_THAT(until("soon", -1h, 24h * 20 + 1h),
              ElementsAre("certificate-expires tls.certificates.cert"));
  EXPECT_THAT(said, HasSubstr("in 20 days"));
  EXPECT_THAT(until("later", -1h, 24h * 22), IsEmpty());
}

TEST_F(CheckCertificates, TellsWhichFileDoesNotFit) {
  const tls::KeyPair one = good();
  const tls::KeyPair two = make({.names = "DNS:gw.company.ru", .stem = "two", .until = 24h * 90});
  EXPECT_THAT(found({
                  {one.cert, two.key}
  }),
              ElementsAre("certificate tls.certificates.key"));
  EXPECT_THAT(said, HasSubstr("key values mismatch"));
  const std::string garbage = directory.file("garbage.pem");
  std::ofstream(garbage) << "no certificate\n";
  EXPECT_THAT(found({
                  {garbage, one.key}
  }),
              ElementsAre("certificate tls.certificates.cert"));
  EXPECT_THAT(found({
                  {directory.file("absent"), one.key}
  }),
              ElementsAre("missing-file tls.certificates.cert"));
}

TEST_F(CheckCertificates, TellsWhenOthersCanReadTheKey) {
  const tls::KeyPair pair = good();
  std::filesystem::permissions(
      pair.key, std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  EXPECT_THAT(found({pair}), ElementsAre("key-open tls.certificates.key"));
}

TEST_F(CheckCertificates, TellsWhenNoCertificateHasTheHostname) {
  const tls::KeyPair other =
      make({.names = "DNS:mail.company.ru", .stem = "other", .until = 24h * 90});
  EXPECT_THAT(found({other}), ElementsAre("certificate-name tls.certificates"));
  EXPECT_THAT(said, HasSubstr("gw.company.ru"));
  EXPECT_THAT(found({other}, "", ""), IsEmpty()) << "no listener uses it";
  EXPECT_THAT(found({other, good()}), IsEmpty());
  EXPECT_THAT(found({make({.names = "DNS:*.company.ru", .stem = "any", .until = 24h * 90})}),
              IsEmpty());
}

TEST_F(CheckCertificates, TellsWhichCertificateNobodyGets) {
  const tls::KeyPair again =
      make({.names = "DNS:gw.company.ru", .stem = "again", .until = 24h * 90});
  EXPECT_THAT(found({good(), again}), ElementsAre("certificate-unused tls.certificates.cert"));
  const tls::KeyPair rsa = make(
      {.names = "DNS:gw.company.ru", .stem = "rsa", .type = test::KeyType::rsa, .until = 24h * 90});
  EXPECT_THAT(found({good(), rsa}), IsEmpty());
}

TEST_F(CheckCertificates, LooksAtWhatIsSaidOfClients) {
  const std::string asks = "tls = \"starttls\"\nask_certificate = true\n";
  const std::string print = "allow_with_certificate = [{ name = \"a\", fingerprint = \"" +
                            std::string(64, '0') + "\" }]\n";
  EXPECT_THAT(found({good()}, print, asks), IsEmpty());
  EXPECT_THAT(found({good()}, print), ElementsAre("nobody-asks relay.allow_with_certificate"));
  EXPECT_THAT(found({good()}, "", asks), ElementsAre("nobody-known listener.ask_certificate"));
  const auto by_ca = [](const std::string& file) {
    return "allow_with_certificate = [{ name = \"a\", host = \"r.example.com\", ca = \"" + file +
           "\" }]\n";
  };
  EXPECT_THAT(found({good()}, by_ca(good().cert), asks), IsEmpty());
  EXPECT_THAT(found({good()}, by_ca(directory.file("absent")), asks),
              ElementsAre("missing-file relay.allow_with_certificate.ca"));
  EXPECT_THAT(found({good()}, by_ca(good().key), asks),
              ElementsAre("certificate relay.allow_with_certificate.ca"));
}

}  // namespace
}  // namespace postern::gateway
