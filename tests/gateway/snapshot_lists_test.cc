// SPDX-License-Identifier: Apache-2.0
// Files of users are read once: check() and the snapshot have the same lists.
#include "gateway/check.h"
#include "gateway/snapshot.h"
#include "tests/gateway/config_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

class SnapshotLists : public testing::Test {
 protected:
  SnapshotLists() {
    std::filesystem::create_directories(folder_);
    file("left", "vlad\n");
    file("pilot", "anna\n");
    file("names", "old@company.ru new@company.ru\n");
    LoadResult loaded =
        parse(replaced(kSmall, "mailboxes =", "cutover = \"" + path("left") + "\"\nmailboxes =") +
              "[[wave]]\nname = \"pilot\"\nstate = \"cutover\"\nmembers = \"file:" + path("pilot") +
              "\"\n[[rewrite]]\nmap = \"file:" + path("names") + "\"\n");
    EXPECT_TRUE(loaded.config) << shown(loaded.findings);
    config_ = std::move(*loaded.config);
  }
  ~SnapshotLists() override { std::filesystem::remove_all(folder_); }

  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  void file(std::string_view name, std::string_view content) const {
    const std::string fresh = path(name) + ".new";
    std::ofstream(fresh, std::ios::binary) << content;
    std::filesystem::rename(fresh, path(name));
  }
  std::string way_of(const Snapshot& snapshot, std::string_view to) const {
    const smtp::Sender sender;
    routing::Request request;
    request.client = *parse_ip("203.0.113.9");
    request.listener = "mx";
    request.sender = &sender;
    request.recipient = *smtp::Mailbox::parse(to);
    const std::optional<routing::Decision> made = snapshot.pipeline().decide_now(request);
    if (!made || made->kind != routing::DecisionKind::route) return "none";
    return fmt::format("{} {}", made->target.name(), made->recipient_out.local());
  }
  static std::size_t lines_about(const Snapshot& snapshot, const std::string& file) {
    return static_cast<std::size_t>(
        std::count_if(snapshot.notes().begin(), snapshot.notes().end(), [&](const auto& line) {
          return line.find(file + ": ") != std::string::npos;
        }));
  }

  Config config_;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("postern-lists-" + std::to_string(::getpid()));
};

TEST_F(SnapshotLists, AreThoseThatCheckHasSeenWhateverBecameOfTheFiles) {
  Snapshot::Options options;
  options.tls = false;
  options.lists = std::make_shared<ListFiles>(config_.routing, std::chrono::milliseconds(0));
  file("left", "zoya\n");
  file("pilot", "boris\nvlad\n");
  file("names", "one@company.ru two@company.ru\n");
  const std::vector<Finding> findings = check(config_, *options.lists);
  EXPECT_TRUE(findings.empty()) << "vlad was in one list alone\n" << shown(findings);
  const void* const domains = config_.routing.domains.data();
  const auto made = Snapshot::build(std::move(config_), options);
  ASSERT_TRUE(made) << shown(made.error());
  const Snapshot& snapshot = **made;
  EXPECT_EQ(snapshot.config().routing.domains.data(), domains) << "the lists point there";
  EXPECT_EQ(way_of(snapshot, "vlad@company.ru"), "vk vlad");
  EXPECT_EQ(way_of(snapshot, "anna@company.ru"), "vk anna");
  EXPECT_EQ(way_of(snapshot, "boris@company.ru"), "exchange boris");
  EXPECT_EQ(way_of(snapshot, "old@company.ru"), "exchange new");
  for (const char* name : {"left", "pilot", "names"})
    EXPECT_EQ(lines_about(snapshot, path(name)), 1U) << name;
  snapshot.refresh_files();
  EXPECT_EQ(way_of(snapshot, "zoya@company.ru"), "vk zoya");
  EXPECT_EQ(way_of(snapshot, "boris@company.ru"), "vk boris");
  EXPECT_EQ(way_of(snapshot, "anna@company.ru"), "exchange anna");
  EXPECT_EQ(way_of(snapshot, "one@company.ru"), "exchange two");
}

TEST_F(SnapshotLists, AreReadByTheSnapshotWhereNobodyHas) {
  Snapshot::Options options;
  options.tls = false;
  const auto made = Snapshot::build(std::move(config_), options);
  ASSERT_TRUE(made) << shown(made.error());
  EXPECT_EQ(way_of(**made, "anna@company.ru"), "vk anna");
  EXPECT_EQ(lines_about(**made, path("pilot")), 1U);
}

}  // namespace
}  // namespace postern::gateway
