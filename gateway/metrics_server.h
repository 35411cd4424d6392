// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"

#include <functional>
#include <memory>
#include <string>

namespace postern::gateway {

/// `GET /metrics` over HTTP/1.1 (docs/metrics.md). On the executor's thread, which may also make
/// and destroy it; what it has begun then ends by itself. Few connections at a time, each for a few
/// seconds.
class MetricsServer {
 public:
  static constexpr std::size_t kMostConnections = 16;
  /// The page of now.
  using Page = std::function<std::string()>;

  /// Binds `listen`, "127.0.0.1:9925", and serves. The error is a sentence.
  static Result<std::unique_ptr<MetricsServer>, std::string> open(net::Executor executor,
                                                                  const std::string& listen,
                                                                  Page page);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Where it listens: the real port where the config says 0.
  net::Endpoint endpoint() const;

 private:
  struct State;
  explicit MetricsServer(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  ///< its coroutines have it too
};

}  // namespace postern::gateway
