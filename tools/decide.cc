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

}  // namespace

routing::Decision decide(const routing::Pipeline& pipeline, const routing::Request& request) {
  std::optional<routing::Decision> decision = pipeline.decide_now(request);
  if (decision) return std::move(*decision);
  net::IoContext context(1);
  boost::asio::co_spawn(
      context, wait_for_decision(pipeline, request, decision), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
  context.run();
  return std::move(*decision);
}

}  // namespace postern::tools
