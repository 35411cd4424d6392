// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace postern::test {

/// A coroutine's result that is filled in while the loop runs.
template <class T>
std::shared_ptr<std::optional<T>> start(net::IoContext& io, net::Awaitable<T> work) {
  auto result = std::make_shared<std::optional<T>>();
  net::asio::co_spawn(
      io.get_executor(), std::move(work), [result](const std::exception_ptr& e, T value) {
        if (e) std::rethrow_exception(e);
        *result = std::move(value);
      });
  return result;
}

/// Runs the loop until the result is there; what else is on it may go on.
template <class T>
T wait(net::IoContext& io, const std::shared_ptr<std::optional<T>>& result) {
  io.restart();
  while (!result->has_value() && io.run_one() != 0) {
  }
  return result->value();
}

template <class T>
T run(net::IoContext& io, net::Awaitable<T> work) {
  return wait(io, start(io, std::move(work)));
}

}  // namespace postern::test
