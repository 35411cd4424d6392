// SPDX-License-Identifier: Apache-2.0
#include "tools/decide.h"

#include "base/net.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace postern::tools {
namespace {

net::Awaitable<void> wait_for_decision(const routing::Pipeline& pipeline,
                                       const routing::Request& request,
                                       std::optional<routing::Decision>& out) {
  out = co_await pipeline.decide(request);
}

net::Awaitable<void> wait_for_answer(const routing::Directory& directory,
                                     const smtp::Mailbox& mailbox,
                                     routing::DirectoryAnswer& out) {
  out = co_await directory.look_up(mailbox);
}

/// Runs `work` to its end on an event loop of its own.
void run(net::Awaitable<void> work) {
  net::IoContext context(1);
  boost::asio::co_spawn(context, std::move(work), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
}

}  // namespace

routing::Decision decide(const routing::Pipeline& pipeline, const routing::Request& request) {
  std::optional<routing::Decision> decision = pipeline.decide_now(request);
  if (decision) return std::move(*decision);
  run(wait_for_decision(pipeline, request, decision));
  return std::move(*decision);
}

routing::DirectoryAnswer look_up(const routing::Directory& directory,
                                 const smtp::Mailbox& mailbox) {
  if (auto answer = directory.try_now(mailbox)) return std::move(*answer);
  routing::DirectoryAnswer out;
  run(wait_for_answer(directory, mailbox, out));
  return out;
}

}  // namespace postern::tools
