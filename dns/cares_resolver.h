// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/config.h"
#include "dns/resolver.h"

#include <memory>

namespace postern::dns {

/// DNS by c-ares, with a cache, and one query for all who ask the same at the same time. One a
/// worker thread, used and destroyed on it. Destroying it ends the queries under way with
/// Status::server_failure; the coroutines that wait for them may outlive it.
class CaresResolver : public Resolver {
 public:
  /// Throws std::runtime_error when c-ares cannot be set up or a server is no address
  /// (server_error()).
  explicit CaresResolver(net::Executor executor, const Config& config = {});
  ~CaresResolver() override;
  CaresResolver(CaresResolver&&) = delete;

  net::Awaitable<MxAnswer> mx(std::string domain) override;
  /// An address is its own answer; "localhost" is the loopback addresses without asking (RFC 6761
  /// section 6.3).
  net::Awaitable<AddressAnswer> addresses(std::string host) override;
  net::Awaitable<TlsaAnswer> tlsa(std::string host, std::uint16_t port) override;
  net::Awaitable<TextAnswer> txt(std::string name) override;
  net::Awaitable<NameAnswer> names(IpAddress address) override;

  /// Answers may be `secure`: every server is on loopback, or Config::trust_ad is set.
  bool believes_ad() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

/// CaresResolver::believes_ad() of a resolver with this config; false also where none can be made.
bool believes_ad(const Config& config);

}  // namespace postern::dns
