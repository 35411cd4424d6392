// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/finding.h"
#include "gateway/proof/walk.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace postern::gateway::proof {

/// The setting to change, and what to write.
struct Cure {
  std::string path;  ///< "route[0].via"
  std::string advice;
};

/// What is wrong with one letter.
struct Fault {
  Severity severity = Severity::error;
  std::string code;
  std::string what;    ///< "mail for a migrated user of company.ru from E leaves no copy in vk"
  std::string arrows;  ///< Leaf::arrows()
  Cure cure;
};

/// Faults as findings: what many classes of letters suffer from one setting is said once.
class Faults {
 public:
  void add(Fault fault);
  std::vector<Finding> findings(const Config& config) const;

 private:
  struct Entry {
    Fault first;
    std::size_t more = 0;
  };
  std::map<std::pair<std::string, std::string>, Entry> by_cause_;  ///< code and path
};

/// What to do about an address that [[rewrite]] gives a name by which mail does not rest.
std::string cure_of_rename(const Renamed& renamed);
/// Why a letter circles, or ended wrongly: the setting behind it.
Cure cure_of_loop(const World& world, const Leaf& leaf);
Cure cure_of_end(const World& world, const Leaf& leaf, const Person& person);

}  // namespace postern::gateway::proof
