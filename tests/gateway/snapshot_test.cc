// SPDX-License-Identifier: Apache-2.0
#include "gateway/snapshot.h"

#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() { std::filesystem::create_directories(folder_); }
  ~SnapshotTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  static std::shared_ptr<const Snapshot> build(const std::string& text,
                                               Snapshot::Options options = {}) {
    LoadResult loaded = parse(text);
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(options));
    EXPECT_TRUE(snapshot) << shown(snapshot.error());
    return snapshot ? *snapshot : nullptr;
  }
  static routing::Decision decide(const Snapshot& snapshot, const char* recipient) {
    const smtp::Sender sender;
    routing::Request request;
    request.client = *parse_ip("192.0.2.1");
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = *smtp::Mailbox::parse(recipient);
    return *snapshot.pipeline().decide_now(request);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-snapshot-" + std::to_string(::getpid()));
};

TEST_F(SnapshotTest, DecidesByTheConfigItWasMadeFrom) {
  const auto snapshot = build(std::string(kSmall));
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(decide(*snapshot, "u@company.ru").target.name(), "exchange");
  EXPECT_EQ(decide(*snapshot, "u@tech.company.ru").target.name(), "vk");
  EXPECT_EQ(snapshot->server_tls(), nullptr);
  EXPECT_FALSE(snapshot->config().routing.routing.trace_key.empty());
}

TEST_F(SnapshotTest, OfAnEmptyConfigRefusesEverything) {  // R1
  const auto snapshot = build("");
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(decide(*snapshot, "u@company.ru").kind, routing::DecisionKind::reject);
}

TEST_F(SnapshotTest, ReadsTheCutoverListAndTakesItsChange) {  // R5
  const std::string list = file("cutover.txt", "anna\n");
  std::vector<std::string> lines;
  Snapshot::Options options;
  options.settle = {};
  options.notice = [&lines](const std::string& line) { lines.push_back(line); };
  const auto snapshot =
      build(replaced(kSmall, "mailboxes =", "cutover = \"" + list + "\"\nmailboxes ="),
            std::move(options));
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(decide(*snapshot, "anna@company.ru").target.name(), "vk");
  EXPECT_EQ(decide(*snapshot, "boris@company.ru").target.name(), "exchange");
  EXPECT_EQ(snapshot->notes().size(), 1U);
  file("cutover.txt", "boris\nclara\n");
  snapshot->refresh_files();
  EXPECT_EQ(lines.size(), 1U);
  EXPECT_EQ(decide(*snapshot, "anna@company.ru").target.name(), "exchange");
  EXPECT_EQ(decide(*snapshot, "boris@company.ru").target.name(), "vk");
}

TEST_F(SnapshotTest, AsksTheDirectoryFile) {  // R8
  const std::string list = file("mailboxes.txt", "known@tech.company.ru\n");
  const auto snapshot = build(std::string(kSmall) +
                              "[recipients]\nvalidate = true\ndirectory = \"file:" + list + "\"\n");
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(decide(*snapshot, "known@tech.company.ru").kind, routing::DecisionKind::route);
  EXPECT_EQ(decide(*snapshot, "nobody@tech.company.ru").reply.code(), 550);
}

TEST_F(SnapshotTest, ACertificateThatCannotBeLoadedIsAFindingAtItsLine) {
  LoadResult loaded =
      parse(std::string(kSmall) +
            "[tls]\ncertificates = [{ cert = \"/no/such\", key = \"/no/such\" }]\n");
  ASSERT_TRUE(loaded.config);
  Config copy = *loaded.config;
  const auto refused = Snapshot::build(std::move(*loaded.config));
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().size(), 1U);
  EXPECT_EQ(refused.error()[0].line, 23U);
  EXPECT_EQ(refused.error()[0].code, "certificate");
  Snapshot::Options options;
  options.tls = false;
  EXPECT_TRUE(Snapshot::build(std::move(copy), std::move(options)));
}

}  // namespace
}  // namespace postern::gateway
