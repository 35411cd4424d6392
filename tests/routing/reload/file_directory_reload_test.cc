// SPDX-License-Identifier: Apache-2.0
// A table that is replaced while others read it without a lock: for ThreadSanitizer.
#include "routing/file_directory.h"
#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace postern::routing::testing {
namespace {

WatchedTable::Options taken_at_once() {
  WatchedTable::Options options;
  options.settle = {};
  return options;
}

/// As many as a table has before look-ups in it are worth fetching ahead.
std::string many_mailboxes() {
  std::string lines;
  for (int i = 0; i < 262'200; ++i)
    lines += "user" + std::to_string(i) + "@company.ru\n";
  return lines;
}

/// Asks in every way that a decision does, until `stop`; counts wrong answers.
void ask(const FileDirectory& directory,
         const std::atomic<bool>& stop,
         std::atomic<int>& rounds,
         std::atomic<int>& lost) {
  const smtp::Mailbox asked = mailbox("I.Ivanov+x@company.ru");
  const RecipientKey key(asked.local(), 0, false, "+");
  while (!stop) {
    directory.prefetch(key, Directory::Part::place);
    directory.prefetch(key, Directory::Part::record);
    if (directory.try_keyed(asked, key)->presence != Presence::known) ++lost;
    if (directory.look_up_now(asked).presence != Presence::known) ++lost;
    ++rounds;
  }
}

TEST(FileDirectoryReload, IsAskedMeanwhile) {
  const Config config = example_config();
  const TemporaryFile file(many_mailboxes() + "i.ivanov@company.ru\n");
  FileDirectory directory(config, file.path(), taken_at_once());
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] { ask(directory, stop, rounds, lost); });
  while (rounds < 4)  // in the large table
    std::this_thread::yield();
  for (int i = 0; i < 30; ++i) {
    file.replace_by("user" + std::to_string(i) + "@company.ru\ni.ivanov@company.ru\n");
    EXPECT_EQ(directory.refresh(), Refresh::reloaded);
  }
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace postern::routing::testing
