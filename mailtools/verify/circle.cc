// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/circle.h"

#include "base/date.h"
#include "routing/mailbox_key.h"
#include "routing/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace postern::verify {

bool guards_loops(const gateway::Config& config) {
  const std::vector<std::string>& stages = config.routing.routing.stages;
  return std::find(stages.begin(), stages.end(), "loop_guard") != stages.end();
}

std::string trace_of_circle(const gateway::Config& config,
                            std::string_view domain,
                            std::string_view recipient) {
  const routing::RoutingConfig& rules = config.routing.routing;
  const routing::RecipientsConfig& compared = config.routing.recipients;
  const routing::Tracer tracer(config.routing.hostname, rules.trace_key);
  if (!tracer.is_on()) return {};
  const routing::LocalKey key(recipient.substr(0, recipient.rfind('@')), compared.case_sensitive);
  return tracer.field(tracer.mailbox_hash(key.without_tag(compared.delimiter), domain),
                      rules.max_own_passes);
}

std::string received_of_circle(unsigned hops) {
  const std::string when = rfc5322_date(std::chrono::system_clock::now());
  std::string out;
  for (unsigned hop = hops; hop > 0; --hop)
    out += fmt::format(
        "Received: from hop{}.invalid by hop{}.invalid with ESMTP; {}\r\n", hop - 1, hop, when);
  return out;
}

}  // namespace postern::verify
