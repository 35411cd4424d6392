// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/output_watch.h"

#include "support/folder.h"

#include <gtest/gtest.h>

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace postern::sink {
namespace {

TEST(OutputWatch, TellsWhenAPipesReaderHasGone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  net::IoContext context{1};
  int told = 0;
  const OutputWatch watch(context.get_executor(), ends[1], [&told] { ++told; });
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(context.poll(), 0U) << "its reader is there";
  EXPECT_EQ(::fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0) << "others share it";
  ::close(ends[0]);
  context.run();
  EXPECT_EQ(told, 1);
  ::close(ends[1]);
}

TEST(OutputWatch, AFileHasNoReader) {
  const test::Folder folder;
  const int file = ::open((folder.path() + "/f").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  net::IoContext context{1};
  const OutputWatch watch(context.get_executor(), file, [] { FAIL(); });
  EXPECT_EQ(context.run(), 0U);
  ::close(file);
}

}  // namespace
}  // namespace postern::sink
