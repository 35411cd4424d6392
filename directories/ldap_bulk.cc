// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_bulk.h"

#include "directories/ldap_address.h"
#include "directories/ldap_connection.h"
#include "directories/ldap_ranges.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::directories {
namespace {

using Clock = std::chrono::steady_clock;

/// Addresses one behind the other, each with its end: a million of them are one allocation.
class Addresses {
 public:
  void add(std::string_view address) {
    octets_ += address;
    ends_.push_back(octets_.size());
  }
  std::size_t size() const { return ends_.size(); }
  void give(const TakeAddress& take) const {
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      take(std::string_view(octets_).substr(begin, end - begin));
      begin = end;
    }
  }

 private:
  std::string octets_;
  std::vector<std::size_t> ends_;
};

void add_addresses(const LdapEntry& entry, Addresses& out) {
  for (const LdapValue& value : entry.values) {
    const std::string_view address = ldap_address_of(value);
    if (!address.empty()) out.add(address);
  }
}

Result<Addresses, LdapFailure> load_from(const LdapSettings& settings,
                                         const std::string& url,
                                         const std::stop_token& stop) {
  auto connection = LdapConnection::open(settings, url, Clock::now() + settings.timeout);
  if (!connection) return connection.error();
  Addresses out;
  const auto fail = [&out](const LdapFailure& why) {
    return LdapFailure{why.trouble, fmt::format("{} (after {} addresses)", why.text, out.size())};
  };
  const auto in_time = [&settings] { return Clock::now() + settings.timeout; };
  const AskLdapPart ask = ask_by(*connection, in_time, stop);
  LdapSearch search;
  search.filter = settings.filter;
  search.page_size = settings.page_size;
  search.stop = stop;
  do {
    std::vector<LdapEntry> partial;
    const auto page = connection->search(search, in_time(), [&](const LdapEntry& entry) {
      if (has_ldap_ranges(entry)) {
        partial.push_back(entry);
      } else {
        add_addresses(entry, out);
      }
    });
    if (!page) return fail(page.error());
    for (LdapEntry& entry : partial) {
      const auto whole = complete_ldap_ranges(entry, ask);
      if (!whole) return fail(whole.error());
      add_addresses(entry, out);
    }
    search.cookie = page->cookie;
  } while (!search.cookie.empty());
  return out;
}

}  // namespace

Result<std::size_t, std::string> load_ldap(const LdapSettings& settings,
                                           const TakeAddress& take,
                                           const std::stop_token& stop) {
  std::string causes;
  for (const std::string& url : settings.servers) {
    if (stop.stop_requested()) break;
    const auto loaded = load_from(settings, url, stop);
    if (loaded) {
      loaded->give(take);
      return loaded->size();
    }
    const LdapFailure& why = loaded.error();
    causes += fmt::format("{}{}: {}", causes.empty() ? "" : "; ", ldap_server_name(url), why.text);
    // Another try with a wrong password could lock the account.
    if (why.trouble == LdapTrouble::refused) break;
  }
  return fmt::format("ldap {}: {}", settings.name, causes.empty() ? "stopped" : causes);
}

LoadAddresses ldap_loader(LdapSettings settings) {
  return [settings = std::move(settings)](const TakeAddress& take, const std::stop_token& stop) {
    return load_ldap(settings, take, stop);
  };
}

}  // namespace postern::directories
