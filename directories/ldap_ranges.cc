// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_ranges.h"

#include "base/printable.h"
#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace postern::directories {
namespace {

constexpr std::string_view kOption = ";range=";

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t out = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return out;
}

/// Other options of a description may stand before or behind this one.
std::size_t option_at(std::string_view description) {
  for (std::size_t at = description.find(';'); at != std::string_view::npos;
       at = description.find(';', at + 1)) {
    if (smtp::iequals(description.substr(at, kOption.size()), kOption)) return at;
  }
  return std::string_view::npos;
}

LdapFailure broken(std::string_view part) {
  return {LdapTrouble::setting,
          fmt::format("search: only a part came, and no other behind it: {}", printable(part))};
}

/// Parts of one attribute that have come, and where their values go.
struct Parts {
  LdapRange latest;
  std::string description;  ///< of the latest
};

/// Moves the values of a part behind those of before; the part that follows `behind`, if one came.
std::optional<Parts> take_part(LdapEntry& from, const LdapRange& behind, LdapEntry& to) {
  std::optional<Parts> out;
  for (LdapValue& value : from.values) {
    const std::optional<LdapRange> range = ldap_range_of(value.attribute);
    if (!range || !smtp::iequals(range->attribute, behind.attribute)) continue;
    if (range->first != *behind.last + 1) return std::nullopt;
    if (range->last && *range->last < range->first) return std::nullopt;
    if (!out) out = Parts{*range, value.attribute};
    to.values.push_back({behind.attribute, std::move(value.value)});
  }
  return out;
}

}  // namespace

std::optional<LdapRange> ldap_range_of(std::string_view description) {
  const std::size_t at = option_at(description);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = description.substr(at + kOption.size());
  const std::size_t end = std::min(behind.find(';'), behind.size());
  const std::string_view range = behind.substr(0, end);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> first = number_of(range.substr(0, dash));
  const std::string_view upto = range.substr(dash + 1);
  const std::optional<std::uint64_t> last = number_of(upto);
  if (!first || (!last && upto != "*")) return std::nullopt;
  std::string attribute = fmt::format("{}{}", description.substr(0, at), behind.substr(end));
  if (option_at(attribute) != std::string_view::npos) return std::nullopt;
  return LdapRange{std::move(attribute), *first, last};
}

bool has_ldap_ranges(const LdapEntry& entry) {
  return std::any_of(entry.values.begin(), entry.values.end(), [](const LdapValue& value) {
    return ldap_range_of(value.attribute).has_value();
  });
}

Result<void, LdapFailure> complete_ldap_ranges(LdapEntry& entry, const AskLdapPart& ask) {
  std::vector<Parts> all;
  for (LdapValue& value : entry.values) {
    std::optional<LdapRange> range = ldap_range_of(value.attribute);
    if (!range) continue;
    const bool is_begun = std::any_of(all.begin(), all.end(), [&range](const Parts& parts) {
      return smtp::iequals(parts.latest.attribute, range->attribute);
    });
    if (range->first != 0) return broken(value.attribute);
    std::string plain = range->attribute;
    if (!is_begun) all.push_back({std::move(*range), value.attribute});
    value.attribute = std::move(plain);
  }
  for (Parts& parts : all) {
    for (std::size_t count = 1; parts.latest.last; ++count) {
      if (count >= kMostLdapParts || *parts.latest.last + 1 == 0) return broken(parts.description);
      auto more = ask(entry.dn,
                      fmt::format("{};range={}-*", parts.latest.attribute, *parts.latest.last + 1));
      if (!more) return more.error();
      std::optional<Parts> next = take_part(*more, parts.latest, entry);
      if (!next) return broken(parts.description);
      parts.latest.last = next->latest.last;
      parts.description = std::move(next->description);
    }
  }
  return {};
}

AskLdapPart ask_by(LdapConnection& connection,
                   std::function<LdapConnection::Deadline()> deadline,
                   std::stop_token stop) {
  return
      [&connection, deadline = std::move(deadline), stop = std::move(stop)](
          const std::string& dn, const std::string& attribute) -> Result<LdapEntry, LdapFailure> {
        LdapSearch search;
        search.filter = "(objectClass=*)";
        search.entry = dn;
        search.attributes = {attribute};
        search.stop = stop;
        LdapEntry out;
        const auto found =
            connection.search(search, deadline(), [&out](const LdapEntry& entry) { out = entry; });
        if (!found) return found.error();
        return out;
      };
}

}  // namespace postern::directories
