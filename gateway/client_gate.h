// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/admission.h"
#include "gateway/client_counters.h"
#include "gateway/config.h"
#include "smtp/reply.h"

#include <string_view>

namespace postern::gateway {

/// Who is let in, and how much each client may do (docs/clients.md): `[limits]` of the config that
/// is given, counted for the whole process. Refusals are counted (docs/metrics.md) and told in the
/// process's log, a line a minute for each client. Any thread; outlives the sessions.
class ClientGate {
 public:
  explicit ClientGate(auth::GuardClock::time_point (*now)() = auth::GuardClock::now)
      : counters_(now) {}

  /// A connection. Code 0: it has a place, `out`. `for_others`: a balancer or a host that may say
  /// XCLIENT, whose client is not known yet, so that only the sessions in all count; move()
  /// follows.
  smtp::Reply enter(const Config& config,
                    std::string_view listener,
                    const IpAddress& client,
                    bool for_others,
                    Admission::Ticket& out);
  /// The session is this client's, as a balancer or XCLIENT has it. Code 0: so be it.
  smtp::Reply move(const Config& config,
                   std::string_view listener,
                   const IpAddress& client,
                   Admission::Ticket& ticket);
  /// MAIL and RCPT of the client; code 0: go on.
  smtp::Reply message(const Config& config, const IpAddress& client);
  smtp::Reply recipient(const Config& config, const IpAddress& client);

  std::size_t sessions() const { return admission_.sessions(); }

 private:
  smtp::Reply refuse(ClientLimit limit,
                     std::string_view listener,
                     const IpAddress& client,
                     smtp::Reply reply);
  bool has_connection(const Config& config, const IpAddress& client);

  Admission admission_;
  ClientCounters counters_;
};

/// No limit per client applies: servers of ours, before which or from which everybody's mail comes.
bool is_exempt(const Config& config, const IpAddress& client);

}  // namespace postern::gateway
