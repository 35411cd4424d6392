// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/circle.h"

#include "base/date.h"
#include "gateway/proof/renames.h"
#include "routing/domain_index.h"
#include "routing/mailbox_key.h"
#include "routing/trace.h"
#include "routing/way_files.h"
#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace postern::verify {
namespace {

bool has_stage(const routing::Config& routing, std::string_view name) {
  const std::vector<std::string>& stages = routing.routing.stages;
  return std::find(stages.begin(), stages.end(), name) != stages.end();
}

/// The recipient as it leaves the gateway; an error is why that is not known.
Result<smtp::Mailbox, std::string> renamed(const routing::Config& routing,
                                           const smtp::Mailbox& recipient) {
  using Out = Result<smtp::Mailbox, std::string>;
  if (routing.rewrites.empty() || !has_stage(routing, "rewrite")) return recipient;
  const routing::WayFiles files(routing);
  const gateway::proof::Renames renames(routing, &files);
  for (const routing::RewriteRule& rule : routing.rewrites) {
    if (rule.map.empty() || renames.is_read(rule)) continue;
    return Out(boost::system::in_place_error,
               fmt::format("{} cannot be read, by which [[rewrite]] may rename the recipient: run "
                           "this as a user who may read it",
                           rule.map));
  }
  const auto found = renames.find(recipient);
  return found ? found->to : recipient;
}

}  // namespace

bool guards_loops(const gateway::Config& config) {
  return has_stage(config.routing, "loop_guard");
}

CircleTrace trace_of_circle(const gateway::Config& config, std::string_view recipient) {
  const routing::RoutingConfig& rules = config.routing.routing;
  const routing::RecipientsConfig& compared = config.routing.recipients;
  const routing::Tracer tracer(config.routing.hostname, rules.trace_key);
  if (!tracer.is_on()) {
    return {"", "the gateway's trace key cannot be read: run this as a user who may read data_dir"};
  }
  const Result<smtp::Mailbox> typed = smtp::Mailbox::parse(recipient);
  if (!typed) return {"", fmt::format("\"{}\" is no address", recipient)};
  const Result<smtp::Mailbox, std::string> out = renamed(config.routing, *typed);
  if (!out) return {"", out.error()};
  const routing::DomainIndex domains(config.routing.domains);
  const routing::DomainIndex::Found* found = domains.find(out->domain());
  if (found == nullptr) {
    return {"",
            fmt::format("the gateway's config renames {} to {}, which is no mailbox of its domains",
                        recipient,
                        out->text())};
  }
  const routing::LocalKey key(out->local(), compared.case_sensitive);
  const routing::TraceHex mailbox =
      tracer.mailbox_hash(key.without_tag(compared.delimiter), found->domain->name);
  return {tracer.field(mailbox, rules.max_own_passes), ""};
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
