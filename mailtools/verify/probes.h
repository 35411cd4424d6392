// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/talk/target.h"
#include "mailtools/verify/outcome.h"
#include "mailtools/verify/plan.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::verify {

enum class Question : std::uint8_t;

/// What is asked of X and V without a letter: EHLO, MAIL, RCPT, RSET, QUIT. Blocks. One thread.
class Probes {
 public:
  /// Both outlive it.
  Probes(const Plan& plan, const gateway::Config& config) : plan_(plan), config_(config) {}

  Row relay();    ///< may the gateway send to the outside through X
  Row unknown();  ///< does X take an address of D that it does not know
  Row group();    ///< does X take mail for a group from the gateway
  Row alias();    ///< does V take U@T
  Row size(Side side);
  Row extensions(Side side);
  Row connections(Side side);
  Row tls(Side side);

  /// Some server took a connection.
  bool reached() const { return reached_; }

 private:
  Row recipient(Row row, Side side, const std::string& to, Question asked);

  const Plan& plan_;
  const gateway::Config& config_;
  bool reached_ = false;
};

/// The largest message that comes in for a next hop, and where.
struct LargestListener {
  std::string name;
  std::uint64_t octets = 0;
};
/// Of the listeners whose mail can go to `hop`; its own listener (`from`) is none of them.
LargestListener largest_for(const gateway::Config& config, const routing::NextHop& hop);

/// What a certificate's dates say at `now`; texts as OpenSSL prints them.
struct Validity {
  bool known = false;  ///< both texts are dates
  bool expired = false;
  bool early = false;  ///< not yet valid
  std::chrono::days left{0};
};
Validity validity_of(std::string_view not_before,
                     std::string_view not_after,
                     std::chrono::system_clock::time_point now);

}  // namespace postern::verify
