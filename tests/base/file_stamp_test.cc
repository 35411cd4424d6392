// SPDX-License-Identifier: Apache-2.0
#include "base/file_stamp.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdlib.h>

namespace postern {
namespace {

class FileStampTest : public ::testing::Test {
 protected:
  FileStampTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : "";
  }
  ~FileStampTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  std::filesystem::path folder_;
};

TEST_F(FileStampTest, ANewFileOfTheSameNameIsAnother) {
  const std::string path = write("list", "one");
  const FileStamp first = FileStamp::of(path);
  EXPECT_EQ(first.size, 3U);
  EXPECT_EQ(FileStamp::of(path), first);
  std::filesystem::rename(write("list.new", "two"), path);
  EXPECT_NE(FileStamp::of(path).inode, first.inode);
  EXPECT_NE(FileStamp::of(path), first);
}

TEST_F(FileStampTest, NoFileIsAllZero) {
  EXPECT_EQ(FileStamp::of((folder_ / "none").string()), FileStamp());
}

TEST_F(FileStampTest, WhyAFileWasNotOpenedIsKept) {
  errno = ENOENT;
  EXPECT_FALSE(FileStamp::of(-1));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace postern
