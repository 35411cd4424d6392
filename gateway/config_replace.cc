// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_replace.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::gateway {
namespace {

/// As load_config has it: beyond, it is no config.
constexpr std::size_t kMostOctets = 16U << 20;

Mistake because(std::string_view what, const std::string& path) {
  return Mistake{fmt::format("{} {}: {}", path, what, std::strerror(errno))};
}

std::optional<std::string> content_of(int fd) {
  std::string out;
  std::array<char, 16384> piece{};
  for (;;) {
    const ssize_t got = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(out.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(got));
    if (out.size() > kMostOctets) {
      errno = EFBIG;
      return std::nullopt;
    }
  }
}

/// 0, or errno.
int write_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

/// A file that is gone again unless it was put in its place.
class Beside {
 public:
  explicit Beside(const std::string& path) : name_(path + ".XXXXXX") {
    fd_ = ::mkostemp(name_.data(), O_CLOEXEC);
  }
  ~Beside() {
    if (fd_ >= 0) ::close(fd_);
    if (fd_ >= 0 && !moved_) ::unlink(name_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  bool move_to(const std::string& path) {
    moved_ = ::rename(name_.c_str(), path.c_str()) == 0;
    return moved_;
  }

 private:
  std::string name_;
  int fd_ = -1;
  bool moved_ = false;
};

void sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

struct ConfigFile::Identity {
  explicit Identity(const struct stat& s) : facts(s) {}
  bool is(const struct stat& s) const {
    return s.st_dev == facts.st_dev && s.st_ino == facts.st_ino && s.st_size == facts.st_size &&
           s.st_mtim.tv_sec == facts.st_mtim.tv_sec && s.st_mtim.tv_nsec == facts.st_mtim.tv_nsec;
  }
  struct stat facts;
};

ConfigFile::ConfigFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

ConfigFile::~ConfigFile() {
  ::close(fd_);
}

Parsed<std::unique_ptr<ConfigFile>> ConfigFile::open(const std::string& path) {
  char* const real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return because("cannot be read", path);
  const std::string found(real);
  std::free(real);
  const int fd = ::open(found.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return because("cannot be read", path);
  std::unique_ptr<ConfigFile> out(new ConfigFile(found, fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Mistake{path + " is being changed by another command at this moment: try again"};
    }
    return because("cannot be locked", path);
  }
  struct stat facts {};
  std::optional<std::string> text;
  if (::fstat(fd, &facts) == 0) text = content_of(fd);
  if (!text) return because("cannot be read", path);
  out->text_ = std::move(*text);
  out->identity_ = std::make_unique<const Identity>(facts);
  return out;
}

bool ConfigFile::is_as_read() const {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0 || !identity_->is(now)) return false;
  const std::optional<std::string> text = content_of(fd_);
  return text && *text == text_;
}

Parsed<void> ConfigFile::replace(std::string_view text) {
  Beside beside(path_);
  if (beside.fd() < 0) return because("cannot be written beside", path_);
  const struct stat& facts = identity_->facts;
  const bool own = facts.st_uid == ::geteuid() && facts.st_gid == ::getegid();
  if (!own && ::fchown(beside.fd(), facts.st_uid, facts.st_gid) != 0) {
    return because("would not keep its owner", path_);
  }
  if (::fchmod(beside.fd(), facts.st_mode & 07777) != 0) {
    return because("would not keep its mode", path_);
  }
  if (const int error = write_all(beside.fd(), text)) {
    errno = error;
    return because("cannot be written", path_);
  }
  if (!is_as_read()) {
    return Mistake{path_ +
                   " was changed by somebody else meanwhile: nothing was written, try again"};
  }
  if (!beside.move_to(path_)) return because("cannot be replaced", path_);
  sync_folder_of(path_);
  return {};
}

}  // namespace postern::gateway
