// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"
#include "mailtools/talk/target.h"
#include "smtp/session/connect.h"

#include <string>
#include <vector>

namespace postern::talk {

/// The addresses of a target by the system's resolver (its hosts file too), which blocks; in its
/// order, at most 16. An address that is none of Target::family is an error.
Result<std::vector<net::Endpoint>, TalkError> addresses_of(const Target& target);

/// Connects from `from` (unspecified: any) before `until`; `asio::error::timed_out` when that is
/// over.
net::Awaitable<smtp::Connected> connect_from(net::Executor executor,
                                             net::Endpoint to,
                                             net::Endpoint from,
                                             net::TimePoint until);

}  // namespace postern::talk
