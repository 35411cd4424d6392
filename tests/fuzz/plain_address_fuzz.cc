// SPDX-License-Identifier: Apache-2.0
#include "directories/plain_address.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

/// Whatever local part a client sends: what a server is asked for is the same mailbox again, in the
/// main domain, and asked without its tag it has none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  static const std::vector<routing::Domain> kDomains = [] {
    routing::Domain domain;
    domain.name = "company.ru";
    domain.aliases = {"tech.company.ru"};
    return std::vector<routing::Domain>{domain};
  }();
  static const routing::DomainIndex kIndex(kDomains);
  const routing::RecipientsConfig rules;
  const std::string_view local(reinterpret_cast<const char*>(data), size);
  const directories::PlainAddress address(smtp::Mailbox(local, "Tech.Company.RU"), kIndex, rules);
  if (!address.is_ours()) return 0;
  if (!address.full().ends_with("@company.ru")) std::abort();
  const directories::PlainAddress again(directories::mailbox_of(address.full()), kIndex, rules);
  if (again.full() != address.full() || again.has_tag() != address.has_tag()) std::abort();
  if (!address.has_tag()) return 0;
  const directories::PlainAddress bare(directories::mailbox_of(address.untagged()), kIndex, rules);
  if (bare.full() != address.untagged() || bare.has_tag()) std::abort();
  return 0;
}
