// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta_sts/policy.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <system_error>

namespace postern::mta_sts {

using WallTime = std::chrono::system_clock::time_point;

/// A policy as it was fetched.
struct StoredPolicy {
  Policy policy;
  std::string id;      ///< of the TXT record that announced it
  WallTime fetched{};  ///< whole seconds
  /// From then on it is no policy any more.
  WallTime ends() const { return fetched + policy.max_age; }
  friend bool operator==(const StoredPolicy&, const StoredPolicy&) = default;
};

/// Fetched policies on disk, so that a restart forgets none: a file a domain in one folder, put in
/// place whole. Blocking calls; one thread.
class PolicyStore {
 public:
  /// Where the gateway keeps its policies; empty: nowhere, for want of a data_dir.
  static std::string folder_in(const std::string& data_dir) {
    return data_dir.empty() ? std::string() : data_dir + "/mta-sts";
  }
  /// `folder` is made when it is not there; empty: nothing is kept.
  explicit PolicyStore(std::string folder) : folder_(std::move(folder)) {}

  /// Those that have not ended, by domain, at most `most`; files that are no policy, or have ended,
  /// are removed.
  std::map<std::string, StoredPolicy> load(WallTime now, std::size_t most);
  /// The one of this domain, where it has not ended; changes nothing, and so may be called beside
  /// the process that has the folder.
  std::optional<StoredPolicy> find(const std::string& domain, WallTime now) const;
  /// Why find() cannot tell whether there is one: no right to the folder or file, a bad disk. No
  /// error where there is none.
  std::error_code trouble(const std::string& domain) const;
  /// False: it could not be written. `domain`: a name as dns::query_name() gives it.
  bool save(const std::string& domain, const StoredPolicy& policy);
  void remove(const std::string& domain);

 private:
  std::string folder_;
};

/// The text of such a file, and back; nullopt: it is none.
std::string format_stored(const StoredPolicy& policy);
std::optional<StoredPolicy> parse_stored(std::string_view text);

}  // namespace postern::mta_sts
