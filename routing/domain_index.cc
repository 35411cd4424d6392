// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_index.h"

#include "smtp/address.h"

#include <algorithm>
#include <idn2.h>

namespace postern::routing {
namespace {

constexpr std::size_t kFew = 8;

void add_converted(std::vector<std::string>& out, char* converted, int status) {
  if (status != IDN2_OK || converted == nullptr) return;
  std::string text(converted);
  idn2_free(converted);
  if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
}

unsigned char lower(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 'A' && octet <= 'Z' ? static_cast<unsigned char>(octet | 0x20U) : octet;
}

}  // namespace

std::size_t DomainHash::operator()(std::string_view name) const {
  // FNV-1a: domains are short, and only the administrator chooses what is in the table.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    hash ^= lower(c);
    hash *= 0x100000001b3ULL;
  }
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
  if (names_.size() > kFew) return;
  for (const auto& [name, found] : names_)
    few_.emplace_back(name, &found);
}

const DomainIndex::Found* DomainIndex::find(std::string_view domain) const {
  if (!few_.empty()) {
    for (const auto& [name, found] : few_) {
      if (name.size() == domain.size() && smtp::iequals(name, domain)) return found;
    }
    return nullptr;
  }
  const auto it = names_.find(domain);
  return it == names_.end() ? nullptr : &it->second;
}

}  // namespace postern::routing
