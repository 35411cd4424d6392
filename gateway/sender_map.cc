// SPDX-License-Identifier: Apache-2.0
#include "gateway/sender_map.h"

#include "auth/account_table.h"
#include "auth/mechanism.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {
namespace {

constexpr std::string_view kBlank = " \t\r,";

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

void SenderMap::fail(std::string_view what) {
  ++ignored_;
  if (first_ignored_.empty()) first_ignored_ = fmt::format("line {}: {}", lines_, what);
}

void SenderMap::add_line(std::string_view line) {
  ++lines_;
  const std::string_view account = next_word(line);
  if (account.empty() || account.front() == '#') return;
  if (!auth::is_account_name(account)) return fail("this is no account's name");
  std::vector<std::string> words;
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
    if (!routing::AddressPatterns::is_pattern(word))
      return fail(fmt::format("\"{}\" is no address; write user@domain, @domain or *", word));
    words.emplace_back(word);
  }
  if (words.empty()) return fail("this account has no address; write account user@domain");
  std::vector<std::string>& all = patterns_[auth::account_key(account)];
  all.insert(all.end(), words.begin(), words.end());
}

routing::AddressPatterns SenderMap::compiled(const std::vector<std::string>& patterns) const {
  return {patterns, rules_.case_sensitive, rules_.delimiter};
}

bool SenderMap::allows(std::string_view account, const smtp::ReversePath& sender) const {
  if (sender.is_null()) return true;
  // Parsed first: a name may look like a pattern that means everybody.
  const bool is_address = smtp::Mailbox::parse(account).has_value();
  if (is_address) {
    // Its case is not known any more: account_key() has made it small.
    const routing::AddressPatterns own({std::string(account)}, false, rules_.delimiter);
    if (own.match(sender)) return true;
  }
  const auto found = patterns_.find(std::string(account));
  return found != patterns_.end() && compiled(found->second).match(sender);
}

}  // namespace postern::gateway
