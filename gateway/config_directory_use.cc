// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"
#include "gateway/config_reader.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <system_error>

// What settings that name a [[directory]] refer to, and the secrets that one needs.

namespace postern::gateway {
namespace {

using directories::Kind;
using directories::Setting;

constexpr std::size_t kLongestSecret = 4096;

/// Says what a setting's NAME refers to when it refers to nothing of its kind.
class SettingNames {
 public:
  explicit SettingNames(Reader& reader) : reader_(reader), config_(reader.config) {}

  void check(const std::string& path, const std::string& text) {
    if (text.empty()) return;
    const Result<Setting, directories::SettingError> setting = directories::parse_setting(text);
    if (!setting) return;  // said already
    directories::for_each_leaf(*setting, [&](const Setting& leaf) { check_leaf(path, leaf); });
  }

 private:
  void check_leaf(const std::string& path, const Setting& leaf) {
    if (leaf.kind == Setting::Kind::file) return;
    const Kind kind = leaf.kind == Setting::Kind::ldap  ? Kind::ldap
                      : leaf.kind == Setting::Kind::sql ? Kind::sql
                                                        : Kind::smtp;
    const directories::Config* found = config_.find_directory(leaf.name);
    if (found != nullptr && found->kind == kind) return;
    const bool callout = kind == Kind::smtp;
    if (callout && config_.routing.find_next_hop(leaf.name) != nullptr) return;
    if (found != nullptr) {
      reader_.error(path,
                    "unknown-directory",
                    fmt::format("\"{0}\" is a directory of kind \"{1}\"; write \"{1}:{0}\"",
                                leaf.name,
                                kind_name(found->kind)));
      return;
    }
    std::vector<std::string> names;
    for (const directories::Config& directory : config_.directories) {
      if (directory.kind == kind) names.push_back(directory.name);
    }
    if (callout) {
      for (const routing::NextHop& hop : config_.routing.next_hops)
        names.push_back(hop.name);
    }
    const std::optional<std::string> near = nearest(leaf.name, names);
    std::string advice =
        fmt::format("write a [[directory]] of that name with kind = \"{}\"", kind_name(kind));
    if (near) advice = fmt::format("write \"{}:{}\"", kind_name(kind), *near);
    reader_.error(path,
                  "unknown-directory",
                  fmt::format("there is no {} \"{}\"; {}",
                              callout ? "directory or next hop" : "directory",
                              leaf.name,
                              advice));
  }

  Reader& reader_;
  const Config& config_;
};

void read_secret_file(Config& config,
                      const std::string& path,
                      const std::string& file,
                      std::string& out,
                      std::vector<Finding>& findings) {
  if (file.empty()) return;
  std::ifstream stream(file, std::ios::binary);
  const int why = stream ? 0 : errno;
  std::string text(kLongestSecret + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  std::string problem;
  if (why != 0) {
    problem = std::error_code(why, std::generic_category()).message();
  } else if (stream.bad() || text.size() > kLongestSecret) {
    problem = "it is no file with a secret";
  }
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.pop_back();
  if (problem.empty() && text.empty()) problem = "it is empty";
  out = std::move(text);
  if (problem.empty()) return;
  findings.push_back(config.finding(
      Severity::error,
      path,
      "unreadable-secret",
      fmt::format("{}: {}; write the secret there, readable for postern alone", file, problem)));
}

}  // namespace

void resolve_directories(Reader& reader) {
  Config& config = reader.config;
  std::map<std::string, unsigned, std::less<>> lines;
  for (std::size_t i = 0; i < config.directories.size(); ++i) {
    const directories::Config& directory = config.directories[i];
    const std::string path = fmt::format("directory[{}]", i);
    const std::string& hop = directory.smtp.next_hop;
    if (!hop.empty() && config.routing.find_next_hop(hop) == nullptr) {
      reader.error(
          path + ".next_hop",
          "unknown-next-hop",
          fmt::format("there is no next hop \"{}\"; write a [[next_hop]] of that name", hop));
    }
    if (directory.name.empty()) continue;
    const unsigned line = config.finding(Severity::error, path + ".name", "", "").line;
    const auto [first, added] = lines.emplace(directory.name, line);
    if (added) continue;
    reader.error(path + ".name",
                 "duplicate-name",
                 fmt::format("a directory \"{}\" is there already (line {}); write another, or "
                             "leave one out",
                             directory.name,
                             first->second));
  }
  SettingNames names(reader);
  names.check("recipients.directory", config.routing.recipients.directory);
  for (std::size_t i = 0; i < config.routing.domains.size(); ++i) {
    names.check(fmt::format("domain[{}].directory", i), config.routing.domains[i].directory);
    names.check(fmt::format("domain[{}].cutover", i), config.routing.domains[i].cutover);
  }
  for (std::size_t i = 0; i < config.routing.waves.size(); ++i)
    names.check(fmt::format("wave[{}].members", i), config.routing.waves[i].members);
}

void read_directory_secrets(Config& config, std::vector<Finding>& findings) {
  for (std::size_t i = 0; i < config.routing.next_hops.size(); ++i) {
    routing::NextHopLogin& login = config.routing.next_hops[i].login;
    read_secret_file(config,
                     fmt::format("next_hop[{}].password", i),
                     login.password_file,
                     login.password,
                     findings);
  }
  for (std::size_t i = 0; i < config.directories.size(); ++i) {
    directories::Config& directory = config.directories[i];
    read_secret_file(config,
                     fmt::format("directory[{}].bind_password", i),
                     directory.ldap.bind_password_file,
                     directory.ldap.bind_password,
                     findings);
    read_secret_file(config,
                     fmt::format("directory[{}].password", i),
                     directory.sql.password_file,
                     directory.sql.password,
                     findings);
  }
}

const directories::Config* Config::find_directory(std::string_view name) const {
  const auto found = std::find_if(directories.begin(),
                                  directories.end(),
                                  [name](const directories::Config& d) { return d.name == name; });
  return found == directories.end() ? nullptr : &*found;
}

}  // namespace postern::gateway
