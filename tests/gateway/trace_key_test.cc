// SPDX-License-Identifier: Apache-2.0
#include "gateway/trace_key.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace postern::gateway {
namespace {

class TraceKeyTest : public ::testing::Test {
 protected:
  TraceKeyTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-key-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~TraceKeyTest() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST_F(TraceKeyTest, IsMadeOnceAndKept) {
  const auto first = load_or_create_trace_key(dir_ + "/data");
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->size(), 64U);
  const auto second = load_or_create_trace_key(dir_ + "/data");
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(*first, *second);
}

TEST_F(TraceKeyTest, IsNotMadeWhereItIsOnlyLookedFor) {
  EXPECT_TRUE(load_trace_key(dir_).has_error());
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/trace.key"));
  const auto made = load_or_create_trace_key(dir_);
  const auto found = load_trace_key(dir_);
  ASSERT_TRUE(made.has_value() && found.has_value());
  EXPECT_EQ(*found, *made);
}

TEST_F(TraceKeyTest, MayBeReadByItsOwnerOnly) {
  ASSERT_TRUE(load_or_create_trace_key(dir_).has_value());
  struct stat info {};
  ASSERT_EQ(::stat((dir_ + "/trace.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(TraceKeyTest, RefusesAKeyThatWasCutShort) {
  std::ofstream(dir_ + "/trace.key") << "short";
  const auto key = load_or_create_trace_key(dir_);
  ASSERT_TRUE(key.has_error());
  EXPECT_NE(key.error().message.find("trace.key is not a key"), std::string::npos)
      << key.error().message;
}

TEST_F(TraceKeyTest, NamesTheDirectoryThatCannotBeMade) {
  std::ofstream(dir_ + "/file") << "x";
  const auto key = load_or_create_trace_key(dir_ + "/file/data");
  ASSERT_TRUE(key.has_error());
  EXPECT_NE(key.error().message.find("/file/data"), std::string::npos) << key.error().message;
}

}  // namespace
}  // namespace postern::gateway
