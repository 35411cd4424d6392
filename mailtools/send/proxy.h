// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "mailtools/send/words.h"

#include <optional>
#include <string>

namespace postern::send {

/// What was typed of a PROXY header (haproxy's doc/proxy-protocol.txt); what is not said is
/// nullopt. Parts must fit each other; `raw` is not looked at: a server is tested with what is
/// wrong, too.
struct ProxyOptions {
  std::optional<std::string> version;
  std::optional<std::string> raw;
  std::optional<std::string> family;
  std::optional<std::string> protocol;
  std::optional<std::string> command;
  std::optional<std::string> source;
  std::optional<std::string> source_port;
  std::optional<std::string> dest;
  std::optional<std::string> dest_port;

  bool empty() const;
};

struct ProxyOctets {
  std::string octets;
  std::string shown;  ///< of version 2 base64, as swaks shows it
};

/// A mistake names the option and what is taken.
Result<ProxyOctets, Mistake> make_proxy_header(const ProxyOptions& options);

}  // namespace postern::send
