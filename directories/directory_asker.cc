// SPDX-License-Identifier: Apache-2.0
#include "directories/directory_asker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>
#include <utility>

namespace postern::directories {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;

/// Answers for sure: also when the coroutine goes down with its io_context.
class Promise {
 public:
  explicit Promise(Asker::Done done) : done_(std::move(done)) {}
  Promise(Promise&& other) noexcept : done_(std::exchange(other.done_, nullptr)) {}
  ~Promise() { keep({Presence::unavailable, "the question was given up"}); }

  void keep(DirectoryAnswer answer) {
    if (const Asker::Done done = std::exchange(done_, nullptr)) done(std::move(answer));
  }

 private:
  Asker::Done done_;
};

net::Awaitable<void> ask_directory(std::shared_ptr<const routing::Directory> directory,
                                   smtp::Mailbox address,
                                   Promise promise) {
  DirectoryAnswer answer = co_await directory->look_up(std::move(address));
  promise.keep(std::move(answer));
}

}  // namespace

void DirectoryAsker::ask(smtp::Mailbox address, net::Executor io, Done done) {
  // An exception destroys the frame, and the promise answers.
  net::asio::co_spawn(io,
                      ask_directory(directory_, std::move(address), Promise(std::move(done))),
                      [](const std::exception_ptr&) {});
}

}  // namespace postern::directories
