// SPDX-License-Identifier: Apache-2.0
#include "gateway/callouts.h"

#include "dns/cares_resolver.h"
#include "gateway/directories.h"
#include "gateway/directory_makers.h"
#include "queue/callout.h"

#include <memory>

namespace postern::gateway {
namespace {

std::unique_ptr<routing::Directory> make_callout(const directories::Config& directory,
                                                 const Config& config) {
  queue::CalloutSettings settings;
  settings.name = directory.name;
  // The references of a config that was read are sound (config_directory_use.cc).
  settings.next_hop = *config.routing.find_next_hop(directory.smtp.next_hop);
  if (const Result<smtp::Mailbox> sender = smtp::Mailbox::parse(directory.smtp.mail_from)) {
    settings.mail_from = smtp::ReversePath(*sender);
  }
  settings.timeout = directory.timeout;
  settings.batch = directory.smtp.batch;
  settings.address_given = address_at_mailboxes(config.routing, directory.smtp.next_hop);
  settings.pool.hostname = config.hostname;
  settings.pool.timeouts = config.limits.client_timeouts;
  if (auto tls = tls::Context::opportunistic_client()) settings.pool.tls = *tls;
  settings.pool.verifying = std::make_shared<tls::ClientContexts>();
  settings.resolver = [dns = config.dns](const net::Executor& executor) {
    return std::unique_ptr<dns::Resolver>(std::make_unique<dns::CaresResolver>(executor, dns));
  };
  return std::make_unique<queue::Callout>(std::move(settings));
}

}  // namespace

void install_callouts() {
  makers_of_process().smtp = make_callout;
}

}  // namespace postern::gateway
