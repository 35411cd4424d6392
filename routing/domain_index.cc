// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_index.h"

#include "smtp/address.h"

#include <algorithm>
#include <cstring>
#include <idn2.h>

namespace postern::routing {
namespace {

void add_converted(std::vector<std::string>& out, char* converted, int status) {
  if (status != IDN2_OK || converted == nullptr) return;
  std::string text(converted);
  idn2_free(converted);
  if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
}

}  // namespace

std::size_t DomainHash::operator()(std::string_view name) const {
  // Eight octets a step: a decision asks several tables. Bit 0x20 makes letters lower case; that it
  // makes some other octets equal costs a comparison. Only the administrator chooses what is in the
  // table.
  std::uint64_t hash = name.size();
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ (word | 0x2020202020202020ULL)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32U;
  };
  for (; name.size() >= sizeof(std::uint64_t); name.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, name.data(), sizeof(word));
    mix(word);
  }
  std::uint64_t rest = 0;
  for (const char c : name)
    rest = rest << 8U | static_cast<unsigned char>(c);
  mix(rest);
  return static_cast<std::size_t>(hash);
}

bool DomainEqual::operator()(std::string_view a, std::string_view b) const {
  return smtp::iequals(a, b);
}

std::vector<std::string> domain_spellings(std::string_view name) {
  std::vector<std::string> out{smtp::ascii_lower(name)};
  const bool is_ascii =
      std::all_of(name.begin(), name.end(), [](char c) { return static_cast<signed char>(c) > 0; });
  if (is_ascii && out.front().find("xn--") == std::string::npos) return out;
  const std::string given = out.front();
  char* converted = nullptr;
  int status = idn2_to_ascii_8z(given.c_str(), &converted, IDN2_NONTRANSITIONAL);
  add_converted(out, converted, status);
  converted = nullptr;
  status = idn2_to_unicode_8z8z(given.c_str(), &converted, 0);
  add_converted(out, converted, status);
  return out;
}

DomainIndex::DomainIndex(const std::vector<Domain>& domains) {
  for (std::size_t i = 0; i < domains.size(); ++i) {
    const Domain& domain = domains[i];
    const auto number = static_cast<std::uint16_t>(i);
    for (std::string& name : domain_spellings(domain.name)) {
      names_.emplace(std::move(name), Found{&domain, number, false});
    }
  }
  // Aliases second: a name that is both a main domain and somebody's alias is the main domain.
  for (std::size_t i = 0; i < domains.size(); ++i) {
    const auto number = static_cast<std::uint16_t>(i);
    for (const std::string& alias : domains[i].aliases) {
      for (std::string& name : domain_spellings(alias)) {
        names_.emplace(std::move(name), Found{&domains[i], number, true});
      }
    }
  }
}

}  // namespace postern::routing
