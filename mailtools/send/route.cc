// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/route.h"

#include "dns/cares_resolver.h"
#include "dns/targets.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <random>

namespace postern::send {
namespace {

net::Awaitable<void> ask(dns::Resolver& resolver,
                         std::string domain,
                         std::mt19937& random,
                         std::optional<dns::Targets>& out) {
  dns::Targets found = co_await dns::mail_targets(resolver, std::move(domain), 25, random);
  out.emplace(std::move(found));
}

}  // namespace

Result<std::vector<std::string>, std::string> mail_hosts(const std::string& domain) {
  net::IoContext context(1);
  dns::CaresResolver resolver(context.get_executor());
  std::mt19937 random(std::random_device{}());
  std::optional<dns::Targets> found;
  net::asio::co_spawn(context, ask(resolver, domain, random, found), [](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
  });
  while (!found)
    context.run_one();
  if (found->outcome == dns::Targets::Outcome::null_mx) found->detail = domain + " takes no mail";
  if (found->targets.empty()) return found->detail;
  std::vector<std::string> out;
  for (const dns::Target& target : found->targets) {
    if (std::find(out.begin(), out.end(), target.host) == out.end()) out.push_back(target.host);
  }
  return out;
}

}  // namespace postern::send
