// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/config.h"
#include "dns/resolver.h"

#include <memory>
#include <string>

namespace postern::dns {

/// What clients' addresses are called, where DNS confirms it: a name of the address's PTR records
/// which has that address itself (RFC 8499, "forward-confirmed"). Keeps what it finds, and that
/// there was nothing to find. One a worker, used on its thread; `resolver` outlives it.
class ReverseLookup {
 public:
  /// Config::reverse_lookup and reverse_timeout count.
  ReverseLookup(net::Executor executor, Resolver& resolver, const Config& config);
  ~ReverseLookup();
  ReverseLookup(ReverseLookup&&) = delete;

  /// False: nothing is looked up, and name() is "". For loopback always: it is called nothing.
  bool looks_up(const IpAddress& client) const;
  /// Asks without waiting, unless it is known or asked already.
  void begin(const IpAddress& client);
  /// "": DNS confirms none, or has not done so within reverse_timeout of begin(). Whoever waits
  /// waits no longer than that, whether the first or the hundredth.
  net::Awaitable<std::string> name(IpAddress client);
  /// Addresses that something is known of, or asked about.
  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postern::dns
