// SPDX-License-Identifier: Apache-2.0
#include "routing/file_directory.h"

#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(FileDirectory, SaysWhoIsKnownAndWhere) {
  const Config config = example_config();
  const TemporaryFile file("# mailboxes\ni.ivanov@tech.company.ru\n");
  const FileDirectory directory(config, file.path());
  const DirectoryAnswer known = directory.look_up_now(mailbox("I.Ivanov+x@company.ru"));
  EXPECT_EQ(known.presence, Presence::known);
  EXPECT_EQ(known.evidence, "list.txt, line 2");
  const DirectoryAnswer unknown = directory.look_up_now(mailbox("p.petrov@company.ru"));
  EXPECT_EQ(unknown.presence, Presence::unknown);
  EXPECT_EQ(unknown.evidence, "not in list.txt");
}

TEST(FileDirectory, SaysTheSameToAKey) {
  const Config config = example_config();
  std::string lines;
  for (int i = 0; i < 300'000; ++i)  // as many as need more than a filter
    lines += "user" + std::to_string(i) + "@company.ru\n";
  const TemporaryFile file(lines);
  const FileDirectory directory(config, file.path());
  for (const char* local : {"user0", "User299999", "user7+x", "user300000", "+user7"}) {
    const smtp::Mailbox address(local, "tech.company.ru");
    const RecipientKey key(local, 0, false, "+");
    directory.prefetch(key, Directory::Part::place);
    directory.prefetch(key, Directory::Part::record);
    const std::optional<DirectoryAnswer> answer = directory.try_keyed(address, key);
    ASSERT_TRUE(answer) << local;
    const DirectoryAnswer expected = directory.look_up_now(address);
    EXPECT_EQ(answer->presence, expected.presence) << local;
    EXPECT_EQ(answer->evidence, expected.evidence) << local;
  }
  const FileDirectory missing(config, "/nonexistent/mailboxes.txt");
  const RecipientKey key("user0", 0, false, "+");
  missing.prefetch(key, Directory::Part::place);
  EXPECT_EQ(missing.try_keyed(mailbox("user0@company.ru"), key)->presence, Presence::unavailable);
}

TEST(FileDirectory, R9WithoutAFileItIsUnavailableAndSaysWhy) {
  const Config config = example_config();
  const FileDirectory directory(config, "/nonexistent/mailboxes.txt");
  const DirectoryAnswer answer = directory.look_up_now(mailbox("i.ivanov@company.ru"));
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, HasSubstr("/nonexistent/mailboxes.txt: No such file"));
}

TEST(FileDirectory, SaysOfAForeignAddressTheSameToItsKey) {
  const Config config = example_config();
  const TemporaryFile file("i.ivanov@company.ru\nanna\n");
  const FileDirectory directory(config, file.path());
  for (const char* local : {"i.ivanov", "anna", "i.ivanov+x"}) {
    const smtp::Mailbox foreign(local, "corp.com");
    const RecipientKey key(local, RecipientKey::kNoDomain, false, "+");
    const std::optional<DirectoryAnswer> answer = directory.try_keyed(foreign, key);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->presence, Presence::unknown) << local;
    EXPECT_EQ(answer->presence, directory.look_up_now(foreign).presence) << local;
    EXPECT_EQ(answer->evidence, directory.look_up_now(foreign).evidence) << local;
  }
}

TEST(DirectoryFile, IsThePathBehindTheScheme) {
  EXPECT_EQ(directory_file("file:/etc/postern/mailboxes.txt"), "/etc/postern/mailboxes.txt");
  EXPECT_EQ(directory_file("ldap://dc1"), "");
  EXPECT_EQ(directory_file(""), "");
}

}  // namespace
}  // namespace postern::routing::testing
