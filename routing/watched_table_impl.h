// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/watched_table.h"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <vector>

// The members of WatchedFile, for the one source that instantiates it for a table.

namespace postern::routing {
namespace watched {

/// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Feeds the file's lines to the table; false: a read failed, and errno says why.
template <class Table>
bool read_lines(int fd, Table& table) {
  std::vector<char> block(std::size_t{1} << 18);
  std::string rest;  // the beginning of a line whose end is in the next block
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    std::string_view octets(block.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = octets.find('\n')) != std::string_view::npos;) {
      if (rest.empty()) {
        table.add_line(octets.substr(0, end));
      } else {
        rest.append(octets.substr(0, end));
        table.add_line(rest);
        rest.clear();
      }
      octets.remove_prefix(end + 1);
    }
    rest.append(octets);
  }
  if (!rest.empty()) table.add_line(rest);
  return true;
}

inline std::string system_message() {
  return std::generic_category().message(errno);
}

}  // namespace watched

template <class Table>
WatchedFile<Table>::WatchedFile(std::string path, MailboxRules rules, Options options)
    : path_(std::move(path)),
      short_name_(std::string_view(path_).substr(path_.rfind('/') + 1)),
      rules_(std::move(rules)),
      options_(std::move(options)) {
  load();
}

template <class Table>
std::shared_ptr<const Table> WatchedFile<Table>::table() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

template <class Table>
std::string WatchedFile<Table>::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

template <class Table>
void WatchedFile<Table>::put(std::shared_ptr<const Table> table, std::string problem) {
  // The old table is freed outside the lock: readers must not wait for that.
  {
    const std::lock_guard lock(mutex_);
    table_.swap(table);
    problem_ = std::move(problem);
    if (table == table_) return;
    current_.store(table_.get());
  }
  if (table != nullptr) ReadSection::wait_for_readers();
}

template <class Table>
bool WatchedFile<Table>::is_settled(const FileStamp& stamp) {
  const auto now = options_.now();
  if (!(stamp == seen_)) {
    seen_ = stamp;
    seen_at_ = now;
  }
  return now - seen_at_ >= options_.settle;
}

template <class Table>
Refresh WatchedFile<Table>::fail(const std::string& what) {
  const std::shared_ptr<const Table> kept = table();
  const std::string line = fmt::format("{}: {}", path_, what);
  put(kept, line);
  if (line != told_ && options_.notice) {
    options_.notice(
        kept ? fmt::format("{}; the list of before stays in use ({} entries)", line, kept->size())
             : line);
  }
  told_ = line;
  return Refresh::failed;
}

template <class Table>
typename WatchedFile<Table>::Loading WatchedFile<Table>::load() {
  const watched::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const std::optional<FileStamp> before = FileStamp::of(file.get());
  if (!before) {
    fail(watched::system_message());
    return Loading::failed;
  }
  const bool is_first = table() == nullptr;
  auto fresh = std::make_shared<Table>(rules_);
  if (!watched::read_lines(file.get(), *fresh)) {
    fail(watched::system_message());
    return Loading::failed;
  }
  const std::optional<FileStamp> after = FileStamp::of(file.get());
  const bool changed = !after || *after != *before;
  if (changed && !is_first) return Loading::changing;
  if (options_.notice) {
    std::string line = fmt::format("{}: {} entries", path_, fresh->size());
    if (fresh->ignored() > 0) {
      line += fmt::format(", {} lines ignored ({})", fresh->ignored(), fresh->first_ignored());
    }
    options_.notice(line);
  }
  // A first load of a file that was being written is looked at again.
  stamp_ = changed ? FileStamp() : *after;
  told_.clear();
  put(std::move(fresh), {});
  return Loading::done;
}

template <class Table>
Refresh WatchedFile<Table>::refresh() {
  FileStamp now;
  {
    const watched::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const std::optional<FileStamp> found = FileStamp::of(file.get());
    if (!found) return fail(watched::system_message());
    now = *found;
  }
  if (table() != nullptr) {
    if (now == stamp_) {
      if (!told_.empty()) {  // it went away and came back as it was
        told_.clear();
        put(table(), {});
      }
      return Refresh::unchanged;
    }
    if (!is_settled(now)) return Refresh::settling;
  }
  switch (load()) {
    case Loading::done:
      return Refresh::reloaded;
    case Loading::changing:
      return Refresh::settling;
    case Loading::failed:
      break;
  }
  return Refresh::failed;
}

}  // namespace postern::routing
