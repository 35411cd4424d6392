// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

namespace postern::routing::stages {

std::string names_of(const Hops& hops) {
  std::string out;
  for (const NextHop* hop : hops) {
    if (!out.empty()) out += ", ";
    out += hop->name;
  }
  return out;
}

Hops resolve(const Config& config, const std::vector<std::string>& names) {
  Hops out;
  for (const std::string& name : names) {
    const NextHop* hop = config.find_next_hop(name);
    if (hop != nullptr) out.push_back(hop);
  }
  return out;
}

smtp::Mailbox under_main_name(const Progress& progress) {
  if (!progress.under_alias) return progress.recipient;
  return smtp::Mailbox(progress.recipient.local(), progress.domain->name);
}

}  // namespace postern::routing::stages
