// SPDX-License-Identifier: Apache-2.0
#include "gateway/directories.h"

#include "directories/ask_pool.h"
#include "directories/cached_directory.h"
#include "directories/combined_directory.h"
#include "directories/directory_asker.h"
#include "directories/domain_directories.h"
#include "directories/setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::gateway {
namespace {

using directories::Kind;
using directories::Setting;
using routing::Directory;

std::string name_of(const directories::Config& directory) {
  return fmt::format("{} {}", kind_name(directory.kind), directory.name);
}

/// A server that is at its own limit says why; it must have said so when ours is up.
std::chrono::milliseconds own_limit(const directories::Config& directory) {
  return std::max(directory.timeout * 9 / 10, std::chrono::milliseconds(1));
}

std::unique_ptr<directories::CachedDirectory> cached(const directories::Config& directory,
                                                     const routing::Config& config,
                                                     std::unique_ptr<directories::Asker> asker) {
  directories::CachedDirectory::Options options;
  options.name = name_of(directory);
  options.limit = directory.timeout;
  options.cache = directory.cache;
  return std::make_unique<directories::CachedDirectory>(
      config, std::move(asker), std::move(options));
}

}  // namespace

std::function<smtp::Mailbox(const smtp::Mailbox&)> address_at_mailboxes(
    const routing::Config& config, const std::string& hop) {
  return [domains = config.domains, hop](const smtp::Mailbox& address) {
    for (const routing::Domain& domain : domains) {
      if (domain.mailboxes != hop) continue;
      if (!smtp::iequals(domain.name, address.domain())) continue;
      const bool alias = domain.deliver_as == routing::DeliverAs::alias && !domain.aliases.empty();
      return alias ? smtp::Mailbox(address.local(), domain.aliases.front()) : address;
    }
    return address;
  };
}

Directories::Directories(const Config& config,
                         DirectoryMakers makers,
                         routing::WatchedTable::Options watching)
    : config_(config), makers_(std::move(makers)), watching_(std::move(watching)) {}

const Directory* Directories::keep(std::string key, std::unique_ptr<Directory> directory) {
  owned_.push_back(std::move(directory));
  made_.emplace(std::move(key), owned_.back().get());
  return owned_.back().get();
}

Finding Directories::not_built(const directories::Config& directory, std::string_view path) const {
  return config_.finding(
      Severity::error,
      path,
      "not-built",
      fmt::format("\"{}\" is of kind {}, which this build cannot ask; write \"file:/path\", or use "
                  "a build that can",
                  directory.name,
                  kind_name(directory.kind)));
}

Directories::Made Directories::make(const std::string& setting, std::string_view path) {
  const Result<Setting, directories::SettingError> parsed = directories::parse_setting(setting);
  if (parsed) return make(*parsed, path);
  return config_.finding(Severity::error, path, "bad-value", std::string(parsed.error().message));
}

Directories::Made Directories::make(const Setting& setting, std::string_view path) {
  const std::string key = directories::text_of(setting);
  const auto there = made_.find(key);
  if (there != made_.end()) return there->second;
  if (setting.parts.empty()) return make_leaf(setting, path);
  std::vector<const Directory*> parts;
  for (const Setting& one : setting.parts) {
    const Made part = make(one, path);
    if (!part) return part;
    parts.push_back(*part);
  }
  using Mode = directories::CombinedDirectory::Mode;
  const Mode mode = setting.kind == Setting::Kind::any ? Mode::any : Mode::all;
  return keep(key, std::make_unique<directories::CombinedDirectory>(mode, std::move(parts)));
}

Directories::Made Directories::make_leaf(const Setting& setting, std::string_view path) {
  if (setting.kind == Setting::Kind::file) {
    auto file = std::make_unique<routing::FileDirectory>(config_.routing, setting.name, watching_);
    files_.push_back(file.get());
    return keep(directories::text_of(setting), std::move(file));
  }
  if (const directories::Config* named = config_.find_directory(setting.name)) {
    return make_server(*named, path);
  }
  directories::Config hop;  // "smtp:NEXT_HOP", with everything at its default
  hop.name = setting.name;
  hop.kind = Kind::smtp;
  hop.smtp.next_hop = setting.name;
  return make_server(hop, path);
}

Directories::Made Directories::make_server(const directories::Config& directory,
                                           std::string_view path) {
  const std::string key = fmt::format("{}:{}", kind_name(directory.kind), directory.name);
  directories::Config own = directory;
  own.timeout = own_limit(directory);
  const bool bulk =
      directory.kind == Kind::ldap && directory.ldap.mode == directories::LdapMode::bulk;
  if (bulk) {
    if (!makers_.ldap_bulk) return not_built(directory, path);
    return keep(key, makers_.ldap_bulk(directory, config_));
  }
  if (directory.kind == Kind::smtp) {
    if (!makers_.smtp) return not_built(directory, path);
    auto asker = std::make_unique<directories::DirectoryAsker>(makers_.smtp(own, config_));
    return keep(key, cached(directory, config_.routing, std::move(asker)));
  }
  const auto& maker = directory.kind == Kind::ldap ? makers_.ldap : makers_.sql;
  if (!maker) return not_built(directory, path);
  directories::AskPool::Options options;
  options.name = name_of(directory);
  options.threads = directory.connections;
  options.limit = directory.timeout;
  auto pool = std::make_unique<directories::AskPool>(maker(own), std::move(options));
  return keep(key, cached(directory, config_.routing, std::move(pool)));
}

Directories::Made Directories::recipients() {
  const routing::Config& routing = config_.routing;
  const Directory* common = nullptr;
  if (!routing.recipients.directory.empty()) {
    const Made made = make(routing.recipients.directory, "recipients.directory");
    if (!made) return made;
    common = *made;
  }
  std::vector<const Directory*> by_domain(routing.domains.size(), common);
  bool is_split = false;
  for (std::size_t i = 0; i < routing.domains.size(); ++i) {
    if (routing.domains[i].directory.empty()) continue;
    const Made made = make(routing.domains[i].directory, fmt::format("domain[{}].directory", i));
    if (!made) return made;
    by_domain[i] = *made;
    is_split = true;
  }
  if (!is_split) return common;
  owned_.push_back(std::make_unique<directories::DomainDirectories>(routing, std::move(by_domain)));
  return owned_.back().get();
}

void Directories::refresh() {
  for (routing::FileDirectory* file : files_)
    file->refresh();
}

}  // namespace postern::gateway
