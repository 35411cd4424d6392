// SPDX-License-Identifier: Apache-2.0
#pragma once

// The names through which the project uses Asio: concrete executors (no type erasure on the hot
// path) and error codes as values. Sources include the heavy headers they need; headers include
// this one.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace postern::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// One io_context a worker thread; a session's objects live and die on the thread that runs theirs.
using IoContext = asio::io_context;
using Executor = asio::io_context::executor_type;

template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;

/// Completion token: `const auto [ec, n] = co_await socket.async_read_some(buffer,
/// net::as_result);`
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_result{};
/// Completion token for operations that cannot fail, or whose failure is an exception.
inline constexpr asio::use_awaitable_t<Executor> use_awaitable{};

using Endpoint = asio::ip::tcp::endpoint;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

}  // namespace postern::net
