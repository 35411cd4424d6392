// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <functional>

// Private to mailtools/sink.

namespace postern::sink {

/// Tells when whoever reads a pipe or a socket of this process has gone, without writing to it.
/// Owned by the thread that runs its executor.
class OutputWatch {
 public:
  /// `gone` is called once, by the executor, or never: a file or a terminal has no reader that
  /// goes, and where the system does not tell, writing will.
  OutputWatch(net::Executor executor, int descriptor, std::function<void()> gone);
  OutputWatch(OutputWatch&&) = delete;

 private:
  boost::asio::posix::basic_stream_descriptor<net::Executor> epoll_;
};

}  // namespace postern::sink
