// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace postern::spool {

/// How awaiting() begins: the callback takes the coroutine's handler back to its io_context.
template <class T>
struct BeginAwaiting {
  net::Executor executor;

  template <class Handler, class Start>
  void operator()(Handler&& handler, Start start) {
    auto back = [handler = std::forward<Handler>(handler),
                 work = net::asio::make_work_guard(executor)](T value) mutable {
      net::asio::post(work.get_executor(),
                      [handler = std::move(handler), value = std::move(value)]() mutable {
                        std::move(handler)(std::move(value));
                      });
      work.reset();
    };
    start(std::move(back));
  }
};

/// Turns a call with a callback into an awaitable: `start(callback)` begins the work, `callback(T)`
/// is called once, on any thread, and the coroutine goes on with the value on its own io_context,
/// which must live until then. T: not an asio error code, which would become an exception.
template <class T, class Start>
net::Awaitable<T> awaiting(Start start) {
  using Token = const net::asio::use_awaitable_t<net::Executor>;
  const net::Executor executor = co_await net::asio::this_coro::executor;
  BeginAwaiting<T> begin{executor};
  auto operation = net::asio::async_initiate<Token, void(T)>(
      std::move(begin), net::use_awaitable, std::move(start));
  co_return co_await std::move(operation);
}

}  // namespace postern::spool
