// SPDX-License-Identifier: Apache-2.0
// Policies on disk: what a restart finds.
#include "mta_sts/policy_store.h"

#include "support/folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

namespace postern::mta_sts {
namespace {

using namespace std::chrono_literals;
using test::Folder;

const WallTime kNow{1'796'000'000s};

StoredPolicy policy(std::chrono::seconds max_age) {
  return StoredPolicy{
      Policy{Mode::enforce, max_age, {"mx.example.com", "*.example.net"}},
      "id7", kNow
  };
}

TEST(StsStore, WhatWasSavedIsThereAgain) {
  const Folder folder;
  PolicyStore store(folder.path() + "/sts");
  ASSERT_TRUE(store.save("example.com", policy(1h)));
  ASSERT_TRUE(store.save("example.org", policy(2h)));
  const auto found = PolicyStore(folder.path() + "/sts").load(kNow + 30min, 10);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.at("example.com"), policy(1h));
  EXPECT_EQ(found.at("example.org"), policy(2h));
}

TEST(StsStore, WhatHasEndedOrIsNoPolicyIsRemoved) {
  const Folder folder;
  PolicyStore store(folder.path());
  ASSERT_TRUE(store.save("example.com", policy(1h)));
  ASSERT_TRUE(store.save("example.org", policy(3h)));
  std::ofstream(folder.path() + "/broken.example") << "postern-sts 1 x";
  const auto found = store.load(kNow + 2h, 10);
  EXPECT_EQ(found.size(), 1U);
  EXPECT_TRUE(found.contains("example.org"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/example.com"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/broken.example"));
}

TEST(StsStore, OneIsFoundWithoutTouchingAny) {
  const Folder folder;
  PolicyStore store(folder.path());
  ASSERT_TRUE(store.save("example.com", policy(1h)));
  std::ofstream(folder.path() + "/broken.example") << "postern-sts 1 x";
  EXPECT_EQ(store.find("Example.COM", kNow + 30min), policy(1h));
  EXPECT_FALSE(store.find("example.com", kNow + 2h)) << "it has ended";
  EXPECT_FALSE(store.find("example.com", kNow - 48h));
  EXPECT_FALSE(store.find("example.org", kNow));
  EXPECT_FALSE(store.find("broken.example", kNow));
  EXPECT_FALSE(store.find("../example.com", kNow));
  EXPECT_FALSE(store.find("..", kNow));
  EXPECT_FALSE(PolicyStore("").find("example.com", kNow));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/example.com"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/broken.example"));
}

TEST(StsStore, ToBeMissingIsNoTroubleAndToBeUnreadableIs) {
  const Folder folder;
  PolicyStore store(folder.path());
  ASSERT_TRUE(store.save("example.com", policy(1h)));
  EXPECT_FALSE(store.trouble("example.com"));
  EXPECT_FALSE(store.trouble("example.org"));
  EXPECT_FALSE(PolicyStore(folder.path() + "/none").trouble("example.com"));
  EXPECT_FALSE(PolicyStore("").trouble("example.com"));
  // Not by permissions: root has them all.
  std::filesystem::create_symlink("loop", folder.path() + "/loop");
  const PolicyStore looped(PolicyStore::folder_in(folder.path() + "/loop"));
  EXPECT_EQ(looped.trouble("example.com"), std::errc::too_many_symbolic_link_levels);
  EXPECT_FALSE(looped.find("example.com", kNow));
}

TEST(StsStore, APolicyFromTheFutureIsNone) {
  const Folder folder;
  PolicyStore store(folder.path());
  ASSERT_TRUE(store.save("example.com", policy(1h)));
  EXPECT_TRUE(store.load(kNow - 48h, 10).empty());
}

TEST(StsStore, OnlySoManyAreRead) {
  const Folder folder;
  PolicyStore store(folder.path());
  for (const char* const name : {"a.example", "b.example", "c.example"})
    ASSERT_TRUE(store.save(name, policy(1h)));
  EXPECT_EQ(store.load(kNow, 2).size(), 2U);
}

TEST(StsStore, WithoutAFolderNothingIsKept) {
  PolicyStore store("");
  EXPECT_TRUE(store.save("example.com", policy(1h)));
  EXPECT_TRUE(store.load(kNow, 10).empty());
}

TEST(StsStore, TextThatIsNoStoredPolicy) {
  const std::string good = format_stored(policy(1h));
  EXPECT_TRUE(parse_stored(good));
  EXPECT_FALSE(parse_stored(""));
  EXPECT_FALSE(parse_stored(good.substr(0, good.find('\n'))));
  EXPECT_FALSE(parse_stored("postern-sts 1 -5 id\n" + good.substr(good.find('\n') + 1)));
  EXPECT_FALSE(
      parse_stored("postern-sts 1 99999999999999999999 id\n" + good.substr(good.find('\n') + 1)));
}

}  // namespace
}  // namespace postern::mta_sts
