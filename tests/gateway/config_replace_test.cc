// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_replace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ConfigReplace : public testing::Test {
 protected:
  ConfigReplace() {
    fs::create_directories(folder_);
    write("old\n");
  }
  ~ConfigReplace() override { fs::remove_all(folder_); }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  std::string content() const {
    std::ostringstream out;
    out << std::ifstream(path_, std::ios::binary).rdbuf();
    return out.str();
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  struct stat facts() const {
    struct stat out {};
    ::stat(path_.c_str(), &out);
    return out;
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("postern-edit-" + std::to_string(::getpid()));
  const std::string path_ = (folder_ / "c.toml").string();
};

TEST_F(ConfigReplace, KeepsModeAndOwnerAndLeavesNothingBeside) {
  ::chmod(path_.c_str(), 0640);
  if (::geteuid() == 0) ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  const struct stat before = facts();
  const auto file = ConfigFile::open(path_);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ((*file)->text(), "old\n");
  ASSERT_TRUE((*file)->replace("new\n"));
  EXPECT_EQ(content(), "new\n");
  const struct stat after = facts();
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_uid, before.st_uid);
  EXPECT_EQ(after.st_gid, before.st_gid);
  EXPECT_NE(after.st_ino, before.st_ino);  // another file: readers of the old one go on with it
  EXPECT_EQ(files(), 1U);
}

TEST_F(ConfigReplace, ReplacesWhatALinkPointsToAndNotTheLink) {
  const std::string link = (folder_ / "link.toml").string();
  fs::create_symlink("c.toml", link);
  const auto file = ConfigFile::open(link);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->replace("new\n"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(content(), "new\n");
}

TEST_F(ConfigReplace, RefusesWhatChangedMeanwhile) {
  for (const bool in_place : {true, false}) {
    write("old\n");
    const auto file = ConfigFile::open(path_);
    ASSERT_TRUE(file);
    if (!in_place) fs::remove(path_);
    write("own\n");  // as long as before
    const Parsed<void> done = (*file)->replace("new\n");
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().text, HasSubstr("changed by somebody else"));
    EXPECT_EQ(content(), "own\n");
    EXPECT_EQ(files(), 1U);
  }
}

TEST_F(ConfigReplace, IsOneCommandsAtATime) {
  const auto first = ConfigFile::open(path_);
  ASSERT_TRUE(first);
  const auto second = ConfigFile::open(path_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("another command"));
  EXPECT_THAT(ConfigFile::open(path_ + "x").error().text, HasSubstr("No such file"));
}

/// In a process of its own, where no file may grow beyond 4096 octets: as a full disk. The exit
/// status: 0 when replace() has failed as it must.
int replace_on_a_full_disk(const std::string& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4096, 4096};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  const auto file = ConfigFile::open(path);
  if (!file) return 3;
  return (*file)->replace(std::string(100'000, 'x')) ? 1 : 0;
}

TEST_F(ConfigReplace, LeavesTheOldFileWholeWhenTheNewOneCannotBeWritten) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(replace_on_a_full_disk(path_));
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(content(), "old\n");
  EXPECT_EQ(files(), 1U);
}

TEST_F(ConfigReplace, AReaderFindsTheOldTextOrTheNewOneAndNeverAHalf) {
  const std::string old_text(300'000, 'o');
  const std::string new_text(200'000, 'n');
  write(old_text);
  const pid_t writer = ::fork();
  if (writer == 0) {
    // Killed by the test in the middle of whatever it does.
    for (bool to_new = true;; to_new = !to_new) {
      const auto file = ConfigFile::open(path_);
      if (!file || !(*file)->replace(to_new ? new_text : old_text)) ::_exit(1);
    }
  }
  std::size_t seen_new = 0;
  bool half = false;
  for (int i = 0; i < 200'000 && seen_new < 20 && !half; ++i) {
    const std::string now = content();
    half = now != old_text && now != new_text;
    seen_new += now == new_text ? 1 : 0;
  }
  ::kill(writer, SIGKILL);
  int status = 0;
  ::waitpid(writer, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  const std::string now = content();
  EXPECT_TRUE(now == old_text || now == new_text);
  EXPECT_FALSE(half);
  EXPECT_GT(seen_new, 0U);
}

}  // namespace
}  // namespace postern::gateway
