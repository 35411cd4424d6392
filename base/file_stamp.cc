// SPDX-License-Identifier: Apache-2.0
#include "base/file_stamp.h"

#include <sys/stat.h>

namespace postern {
namespace {

std::int64_t nanoseconds_of(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

FileStamp stamp_of(const struct stat& facts) {
  return {nanoseconds_of(facts.st_mtim),
          nanoseconds_of(facts.st_ctim),
          static_cast<std::uint64_t>(facts.st_size),
          static_cast<std::uint64_t>(facts.st_ino)};
}

}  // namespace

FileStamp FileStamp::of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? stamp_of(facts) : FileStamp{};
}

std::optional<FileStamp> FileStamp::of(int descriptor) {
  if (descriptor < 0) return std::nullopt;
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return std::nullopt;
  return stamp_of(facts);
}

}  // namespace postern
