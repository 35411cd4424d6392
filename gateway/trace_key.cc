// SPDX-License-Identifier: Apache-2.0
#include "gateway/trace_key.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace postern::gateway {
namespace {

constexpr std::size_t kKeyOctets = 32;
using Key = Result<std::string, TraceKeyError>;

std::string key_path(const std::string& data_dir) {
  return data_dir + "/trace.key";
}

TraceKeyError failed(const std::string& what, const std::string& path) {
  const std::string why = std::error_code(errno, std::generic_category()).message();
  return {fmt::format("{} {}: {}", what, path, why)};
}

/// Written whole and synced before it has its name: a key cut short would disown letters on their
/// way.
Result<void, TraceKeyError> write_key(const std::string& path, const std::string& key) {
  const std::string part = path + ".new";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return failed("cannot create", part);
  const ssize_t written = ::write(fd, key.data(), key.size());
  const bool synced = written == static_cast<ssize_t>(key.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!synced || ::rename(part.c_str(), path.c_str()) != 0) return failed("cannot write", path);
  return {};
}

}  // namespace

Result<std::string, TraceKeyError> load_trace_key(const std::string& data_dir) {
  const std::string path = key_path(data_dir);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file || content.str().size() < kKeyOctets) {
    return TraceKeyError{fmt::format(
        "{} is not a key ({} octets at least); remove it and a new one is made", path, kKeyOctets)};
  }
  return Key(boost::system::in_place_value, content.str());
}

Result<std::string, TraceKeyError> load_or_create_trace_key(const std::string& data_dir) {
  const std::string path = key_path(data_dir);
  std::error_code ec;
  if (std::filesystem::exists(path, ec)) return load_trace_key(data_dir);
  std::filesystem::create_directories(data_dir, ec);
  if (ec) return TraceKeyError{fmt::format("data_dir {}: {}", data_dir, ec.message())};
  std::array<unsigned char, kKeyOctets> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return TraceKeyError{"no random numbers"};
  }
  std::string key;
  for (const unsigned char octet : random)
    key += fmt::format("{:02x}", octet);
  const Result<void, TraceKeyError> written = write_key(path, key);
  if (!written) return written.error();
  return Key(boost::system::in_place_value, std::move(key));
}

}  // namespace postern::gateway
