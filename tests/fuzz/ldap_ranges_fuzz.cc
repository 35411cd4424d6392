// SPDX-License-Identifier: Apache-2.0
// Lines "DESCRIPTION VALUE"; an empty line ends an entry: the first one, then what each question
// about it is answered with. Nothing crashes and nothing goes on for ever; what counts as whole has
// no part left, and every value of the first entry.
#include "directories/ldap_ranges.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>

namespace {

using postern::Result;
using postern::directories::LdapEntry;
using postern::directories::LdapFailure;
using postern::directories::LdapTrouble;

void require(bool truth) {
  if (!truth) std::abort();
}

std::deque<LdapEntry> entries_of(std::string_view text) {
  std::deque<LdapEntry> out(1);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) {
      out.emplace_back();
      continue;
    }
    const std::size_t space = line.find(' ');
    out.back().values.push_back(
        {std::string(line.substr(0, space)),
         std::string(space == std::string_view::npos ? "" : line.substr(space + 1))});
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::deque<LdapEntry> entries =
      entries_of({reinterpret_cast<const char*>(data), size});  // NOLINT
  LdapEntry entry = entries.front();
  entries.pop_front();
  const std::size_t before = entry.values.size();
  const auto whole = postern::directories::complete_ldap_ranges(
      entry, [&entries](const std::string&, const std::string& asked) {
        require(postern::directories::ldap_range_of(asked).has_value());
        if (entries.empty()) {
          return Result<LdapEntry, LdapFailure>(LdapFailure{LdapTrouble::lost, "no more"});
        }
        LdapEntry next = std::move(entries.front());
        entries.pop_front();
        return Result<LdapEntry, LdapFailure>(std::move(next));
      });
  if (!whole) return 0;
  require(!postern::directories::has_ldap_ranges(entry));
  require(entry.values.size() >= before);
  return 0;
}
