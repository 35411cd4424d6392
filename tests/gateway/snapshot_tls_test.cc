// SPDX-License-Identifier: Apache-2.0
// Certificates that are renewed while they are in use.
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"
#include "tests/tls/test_certificate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SnapshotTls : public ::testing::Test {
 protected:
  void SetUp() override {
    pair = test::make_certificate(directory, {.names = "DNS:gw.company.ru", .stem = "mail"});
    const LoadResult loaded = parse(
        std::string(kSmall) +
        fmt::format(
            "[tls]\ncertificates = [{{ cert = \"{}\", key = \"{}\" }}]\n", pair.cert, pair.key));
    ASSERT_TRUE(loaded.config) << shown(loaded.findings);
    Snapshot::Options options;
    options.settle = std::chrono::milliseconds(0);
    options.notice = [this](const std::string& line) { lines.push_back(line); };
    const auto built = Snapshot::build(*loaded.config, options);
    ASSERT_TRUE(built) << shown(built.error());
    snapshot = *built;
  }
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::rename(from, to);  // a renewal: another file under the name
  }
  std::string in_use() const { return snapshot->certificates().at(0).fingerprint; }

  test::TemporaryDirectory directory;
  tls::KeyPair pair;
  std::vector<std::string> lines;
  std::shared_ptr<const Snapshot> snapshot;
};

TEST_F(SnapshotTls, TakesARenewedPairAndLeavesSessionsWhatTheyHave) {
  EXPECT_THAT(snapshot->notes(),
              ::testing::Contains(HasSubstr("certificates: gw.company.ru (ECDSA, until ")));
  const std::string before = in_use();
  const auto context = snapshot->server_tls()->get();
  const tls::KeyPair next =
      test::make_certificate(directory, {.names = "DNS:gw.company.ru", .stem = "next"});
  const std::string fingerprint = tls::read_certificate(next.cert)->fingerprint;
  copy(next.cert, pair.cert);
  copy(next.key, pair.key);
  snapshot->refresh_files();
  EXPECT_EQ(in_use(), fingerprint);
  EXPECT_EQ(context->certificates().at(0).fingerprint, before);
  EXPECT_EQ(snapshot->server_tls(true)->get()->certificates().at(0).fingerprint, fingerprint);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("certificates were renewed: gw.company.ru")));
  snapshot->refresh_files();
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(SnapshotTls, WaitsForTheKeyThatBelongsToARenewedCertificate) {
  const std::string before = in_use();
  const tls::KeyPair next =
      test::make_certificate(directory, {.names = "DNS:gw.company.ru", .stem = "next"});
  const std::string fingerprint = tls::read_certificate(next.cert)->fingerprint;
  copy(next.cert, pair.cert);
  for (int i = 0; i < 3; ++i)
    snapshot->refresh_files();
  EXPECT_EQ(in_use(), before);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("stay in use until the files change again"))) << "once";
  copy(next.key, pair.key);
  snapshot->refresh_files();
  EXPECT_EQ(in_use(), fingerprint);
  EXPECT_EQ(lines.size(), 2U);
}

TEST_F(SnapshotTls, KeepsWhatItHasWhenAFileGoesAway) {
  const std::string before = in_use();
  std::filesystem::remove(pair.key);
  snapshot->refresh_files();
  snapshot->refresh_files();
  EXPECT_EQ(in_use(), before);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("No such file or directory")));
}

TEST_F(SnapshotTls, LeavesAFileAloneThatIsStillBeingWritten) {
  const LoadResult loaded = parse(
      std::string(kSmall) +
      fmt::format(
          "[tls]\ncertificates = [{{ cert = \"{}\", key = \"{}\" }}]\n", pair.cert, pair.key));
  auto now = std::chrono::steady_clock::now();
  TlsFiles::Options options;
  options.settle = std::chrono::milliseconds(1000);
  options.now = [&now] { return now; };
  const auto files = TlsFiles::open(*loaded.config, options);
  ASSERT_TRUE(files);
  const std::string before = (*files)->certificates().at(0).fingerprint;
  const tls::KeyPair next =
      test::make_certificate(directory, {.names = "DNS:gw.company.ru", .stem = "next"});
  copy(next.cert, pair.cert);
  copy(next.key, pair.key);
  (*files)->refresh();
  EXPECT_EQ((*files)->certificates().at(0).fingerprint, before);
  now += std::chrono::milliseconds(1000);
  (*files)->refresh();
  EXPECT_NE((*files)->certificates().at(0).fingerprint, before);
}

TEST(SnapshotWithoutTls, HasNoCertificates) {
  const LoadResult loaded = parse(kSmall);
  const auto built = Snapshot::build(*loaded.config);
  ASSERT_TRUE(built);
  EXPECT_THAT((*built)->certificates(), IsEmpty());
  EXPECT_EQ((*built)->server_tls(), nullptr);
}

}  // namespace
}  // namespace postern::gateway
