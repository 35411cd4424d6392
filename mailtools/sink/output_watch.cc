// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/output_watch.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace postern::sink {
namespace {

bool has_reader(int descriptor) {
  struct stat found {};
  return ::fstat(descriptor, &found) == 0 && (S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode));
}

}  // namespace

/// The descriptor itself is not given to Asio, which would make it non-blocking for all who share
/// it. An epoll of its own reports EPOLLERR and EPOLLHUP without being asked.
OutputWatch::OutputWatch(net::Executor executor, int descriptor, std::function<void()> gone)
    : epoll_(executor) {
  if (!has_reader(descriptor)) return;
  const int watch = ::epoll_create1(EPOLL_CLOEXEC);
  if (watch < 0) return;
  epoll_event nothing{};
  net::error_code ec;
  if (::epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &nothing) == 0) epoll_.assign(watch, ec);
  if (!epoll_.is_open()) {
    ::close(watch);
    return;
  }
  epoll_.async_wait(epoll_.wait_read, [call = std::move(gone)](const net::error_code& failed) {
    if (!failed) call();
  });
}

}  // namespace postern::sink
