// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/list_files.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The parts of check(), by what they look for. Each appends what it finds.

namespace postern::gateway {

/// Where the parts put what they find. Outlived by the config.
class Findings {
 public:
  explicit Findings(const Config& config) : config_(config) {}

  void info(std::string_view path, std::string code, std::string message) {
    add(Severity::info, path, std::move(code), std::move(message));
  }
  void warning(std::string_view path, std::string code, std::string message) {
    add(Severity::warning, path, std::move(code), std::move(message));
  }
  void error(std::string_view path, std::string code, std::string message) {
    add(Severity::error, path, std::move(code), std::move(message));
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  void add(Severity severity, std::string_view path, std::string code, std::string message) {
    list_.push_back(config_.finding(severity, path, std::move(code), message));
  }

  const Config& config_;
  std::vector<Finding> list_;
};

/// Files that are named and cannot be read (check_files.cc).
void check_files(const Config& config, Findings& out);
/// Who may send what: R1 to R3, R7a (check_access.cc).
void check_access(const Config& config, Findings& out);
/// Ways that lead nowhere, back, or are never taken: R4 to R12 (check_ways.cc). The proof that no
/// scenario loops (R13, S9) belongs here too.
void check_ways(const Config& config, Findings& out);
/// Users on lists whose mail [[rewrite]] gives to others (check_renamed.cc).
void check_renamed(const Config& config, const ListFiles& lists, Findings& out);
/// Waves of users, and who is in them (check_waves.cc).
void check_waves(const Config& config, const ListFiles& lists, Findings& out);
/// Directories that nobody asks, or that anybody could answer for (check_directories.cc).
void check_directories(const Config& config, Findings& out);
/// Each setting that says whom to ask (directories/setting.h) with its path; a cut-over list that
/// is a plain file is none.
void for_each_setting(
    const Config& config,
    const std::function<void(const std::string& path, const std::string& text)>& take);
/// Directories and next hops that such settings name.
std::set<std::string> names_in_settings(const Config& config);
/// The ways of docs/ways.md: settings without effect, maps that lead in a circle, files that cannot
/// be read (check_more_ways.cc).
void check_more_ways(const Config& config, const routing::WayFiles& files, Findings& out);
/// Policy servers that no stage asks (check_policies.cc).
void check_policies(const Config& config, Findings& out);
/// TLS towards next hops (check_tls.cc).
void check_tls(const Config& config, Findings& out);
/// Who can log in, and over what (check_auth.cc).
void check_auth(const Config& config, Findings& out);
/// Certificates that do not load, expire, or are of no use (check_certificates.cc).
void check_certificates(const Config& config, Findings& out);

}  // namespace postern::gateway
