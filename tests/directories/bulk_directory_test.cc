// SPDX-License-Identifier: Apache-2.0
#include "directories/bulk_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace postern::directories::testing {
namespace {

using routing::Presence;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A loader whose next load waits for what the test gives it.
class Feed {
 public:
  using Load = Result<std::vector<std::string>, std::string>;

  LoadAddresses loader() {
    return
        [this](const TakeAddress& take, const std::stop_token& stop) { return load(take, stop); };
  }
  void give(Load load) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(load);
    changed_.notify_all();
  }
  routing::Notice notice() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      notices_.push_back(line);
      changed_.notify_all();
    };
  }
  /// The notices so far, when there are this many.
  std::vector<std::string> await_notices(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return notices_.size() >= count; });
    return notices_;
  }
  /// Until the directory waits for the n-th load.
  void await_load(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return loads_ >= count; });
  }

 private:
  Result<std::size_t, std::string> load(const TakeAddress& take, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++loads_;
    changed_.notify_all();
    if (!changed_.wait(lock, stop, [&] { return next_.has_value(); }))
      return std::string("stopped");
    const Load now = *std::exchange(next_, std::nullopt);
    if (!now) return now.error();
    for (const std::string& address : *now)
      take(address);
    return now->size();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Load> next_;
  std::vector<std::string> notices_;
  int loads_ = 0;
};

class BulkDirectoryTest : public ::testing::Test {
 protected:
  BulkDirectoryTest() {
    config_.domains.resize(1);
    config_.domains[0].name = "company.ru";
    config_.domains[0].aliases = {"vk.company.ru"};
    options_.name = "ldap ad";
    options_.refresh = options_.retry = std::chrono::hours(1);
    options_.notice = feed_.notice();
  }
  static routing::DirectoryAnswer ask(const BulkDirectory& directory, std::string_view text) {
    return directory.look_up_now(*smtp::Mailbox::parse(text));
  }

  Feed feed_;  // outlives the directory
  routing::Config config_;
  BulkDirectory::Options options_;
};

TEST_F(BulkDirectoryTest, R9BeforeTheFirstLoadNobodyCanTell) {
  const BulkDirectory directory(config_, feed_.loader(), options_);
  feed_.await_load(1);
  const auto answer = ask(directory, "u@company.ru");
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_EQ(answer.evidence, "ldap ad: not loaded yet");
}

TEST_F(BulkDirectoryTest, R8aKnowsAddressesAsAFileDoes) {
  const BulkDirectory directory(config_, feed_.loader(), options_);
  feed_.give(std::vector<std::string>{"U@Company.ru", "other@elsewhere.ru", "local"});
  EXPECT_THAT(feed_.await_notices(1), ElementsAre("ldap ad: 2 entries, 1 addresses not of ours"));
  EXPECT_EQ(ask(directory, "u+tag@company.ru").presence, Presence::known);
  EXPECT_EQ(ask(directory, "u@vk.company.ru").presence, Presence::known) << "R4: one mailbox";
  EXPECT_EQ(ask(directory, "local@company.ru").presence, Presence::known);
  EXPECT_EQ(ask(directory, "x@company.ru").presence, Presence::unknown);
  EXPECT_THAT(ask(directory, "u@company.ru").evidence, StartsWith("ldap ad, loaded "));
  EXPECT_THAT(ask(directory, "x@company.ru").evidence, StartsWith("not in ldap ad, loaded "));
  EXPECT_EQ(directory.size(), 2U);
}

TEST_F(BulkDirectoryTest, AFailedLoadKeepsTheTableAndIsToldOnce) {
  BulkDirectory directory(config_, feed_.loader(), options_);
  feed_.give(std::vector<std::string>{"u@company.ru"});
  feed_.await_notices(1);
  for (int load = 2; load <= 3; ++load) {
    directory.refresh();
    feed_.await_load(load);
    feed_.give(std::string("ldap ad: dc1: down"));
  }
  directory.refresh();
  feed_.await_load(4);
  EXPECT_EQ(ask(directory, "u@company.ru").presence, Presence::known);
  EXPECT_EQ(directory.problem(), "ldap ad: dc1: down");
  feed_.give(std::vector<std::string>{"v@company.ru"});
  const auto notices = feed_.await_notices(3);
  ASSERT_EQ(notices.size(), 3U);
  EXPECT_EQ(notices[1], "ldap ad: dc1: down; the addresses of before stay in use (1 entries)");
  EXPECT_EQ(ask(directory, "u@company.ru").presence, Presence::unknown);
  EXPECT_EQ(ask(directory, "v@company.ru").presence, Presence::known);
  EXPECT_EQ(directory.problem(), "");
}

TEST_F(BulkDirectoryTest, AnEmptyDirectoryIsAFailureUnlessItMayBeEmpty) {
  {
    BulkDirectory directory(config_, feed_.loader(), options_);
    feed_.give(std::vector<std::string>{"u@company.ru"});
    feed_.await_notices(1);
    directory.refresh();
    feed_.give(std::vector<std::string>{});
    EXPECT_THAT(feed_.await_notices(2)[1], HasSubstr("the account's rights"));
    EXPECT_EQ(ask(directory, "u@company.ru").presence, Presence::known);
  }
  options_.may_be_empty = true;
  const BulkDirectory cutover(config_, feed_.loader(), options_);
  feed_.give(std::vector<std::string>{});
  feed_.await_notices(3);
  EXPECT_EQ(ask(cutover, "u@company.ru").presence, Presence::unknown);
}

TEST_F(BulkDirectoryTest, AStartCanWaitForTheFirstLoadWhateverItsEnd) {
  for (const bool good : {true, false}) {
    const BulkDirectory directory(config_, feed_.loader(), options_);
    EXPECT_FALSE(directory.await_first_load(std::chrono::milliseconds(1)));
    feed_.give(good ? Feed::Load(std::vector<std::string>{"u@company.ru"})
                    : Feed::Load(std::string("down")));
    EXPECT_TRUE(directory.await_first_load(std::chrono::seconds(30)));
    EXPECT_EQ(ask(directory, "u@company.ru").presence,
              good ? Presence::known : Presence::unavailable);
  }
}

TEST_F(BulkDirectoryTest, ReadsAgainByItself) {
  options_.refresh = std::chrono::milliseconds(1);
  const BulkDirectory directory(config_, feed_.loader(), options_);
  feed_.give(std::vector<std::string>{"u@company.ru"});
  feed_.await_notices(1);
  feed_.give(std::vector<std::string>{"v@company.ru"});
  feed_.await_notices(2);
  EXPECT_EQ(ask(directory, "v@company.ru").presence, Presence::known);
}

}  // namespace
}  // namespace postern::directories::testing
