// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/asker.h"
#include "directories/breaker.h"
#include "directories/config.h"
#include "routing/config.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace postern::directories {

/// A server as a directory: R8a (the main domain's name, case, the full address first and then the
/// one without its tag), a cache, one question for all who wait for one address, a time limit, and
/// a breaker. What cannot be asked is `unavailable`, never a guess; only where `stale_for` says so
/// an answer that has had its time still counts meanwhile, and its evidence says it is stale.
///
/// Evidence: what the server's asker said, when, and how old it is:
/// "ldap ad (dc1): cn=Anna, 14:02:11, cached 30 s", in local time. The config outlives the
/// directory; questions under way outlive it if need be. Any thread; look_up() on one that runs an
/// io_context alone.
class CachedDirectory final : public routing::Directory {
 public:
  struct Options {
    std::string name;  ///< "ldap ad": for evidence
    std::chrono::milliseconds limit{5000};
    CacheConfig cache;
    Breaker::Options breaker;
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
    std::function<std::chrono::system_clock::time_point()> wall = std::chrono::system_clock::now;
  };

  CachedDirectory(const routing::Config& config, std::unique_ptr<Asker> asker, Options options);
  ~CachedDirectory() override;

  bool is_immediate() const override { return false; }
  /// `unavailable` where it is not cached.
  routing::DirectoryAnswer look_up_now(const smtp::Mailbox& mailbox) const override;
  std::optional<routing::DirectoryAnswer> try_now(const smtp::Mailbox& mailbox) const override;
  net::Awaitable<routing::DirectoryAnswer> look_up(smtp::Mailbox mailbox) const override;

  std::size_t cached() const;  ///< answers kept at this moment

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace postern::directories
