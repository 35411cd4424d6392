// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/contents.h"
#include "mailtools/load/options.h"
#include "smtp/client_dialogue.h"
#include "tls/context.h"
#include "tls/peer_check.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace postern::load {

/// What all threads of a run know, constant while they run.
struct Plan {
  Options options;
  Contents contents;
  net::Endpoint server;
  smtp::ClientProfile profile;
  std::shared_ptr<const tls::Context> tls;      ///< null: no TLS
  std::shared_ptr<const tls::PeerCheck> check;  ///< null: any certificate is taken
};

/// What is left for thread `part` of `parts` when all share `total`: they differ by one at most.
constexpr std::uint64_t share(std::uint64_t total, std::size_t part, std::size_t parts) {
  return total / parts + (part < total % parts ? 1 : 0);
}

/// Where the next connection comes from; shared by all threads.
class Sources {
 public:
  explicit Sources(const std::vector<net::asio::ip::address>& addresses) : addresses_(addresses) {}
  /// Null: as the system chooses.
  const net::asio::ip::address* next() {
    if (addresses_.empty()) return nullptr;
    return &addresses_[next_.fetch_add(1, std::memory_order_relaxed) % addresses_.size()];
  }

 private:
  const std::vector<net::asio::ip::address>& addresses_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace postern::load
