// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "routing/rewrite_map.h"
#include "routing/way_files.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postern::gateway::proof {

/// An address that `[[rewrite]]` gives another name, by the config or by a line of a map file.
struct Renamed {
  smtp::Mailbox from;
  smtp::Mailbox to;
  std::string by;          ///< "map.txt, line 3", or "a rule of the config"
  std::string path;        ///< of the setting: "rewrite[0].map"
  bool by_domain = false;  ///< the rule is about a whole domain
};

/// What `[[rewrite]]` makes of addresses, as the stage has it: the config's own rules, then the
/// files that could be read, in their order. Holds the tables as they were when it was made; the
/// config outlives it. One thread.
class Renames {
 public:
  /// `files` may be null: no file was read.
  Renames(const routing::Config& given, const routing::WayFiles* files);

  /// nullopt: the address keeps its name.
  std::optional<Renamed> find(const smtp::Mailbox& address) const;
  /// One address of each class of rules, which are told apart by whether they are about a domain,
  /// and by both domains. Bounded; the first ones of each file.
  std::vector<Renamed> examples() const;
  /// Was the file of this rule of the config read?
  bool is_read(const routing::RewriteRule& rule) const;

 private:
  struct File {
    std::size_t rule = 0;
    std::string name;
    std::shared_ptr<const routing::RewriteMap> map;
  };
  std::string path_of_own(const smtp::Mailbox& address, const smtp::Mailbox& to) const;

  const routing::Config& given_;
  const routing::WayFiles* files_;
  routing::MailboxRules rules_;
  routing::RewriteMap own_;
  std::vector<File> read_;
};

}  // namespace postern::gateway::proof
