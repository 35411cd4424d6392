// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace postern::tls_report {

/// One connection attempt as reports count it (RFC 8460 section 4).
struct Sighting {
  std::string domain;               ///< whose policy it is
  std::string policy_type;          ///< "sts", "tlsa" or "no-policy-found"
  std::vector<std::string> policy;  ///< its lines
  std::vector<std::string> mx_patterns;
  std::string result;  ///< "certificate-expired"; empty: a success
  std::string mx_host;
  std::string receiving_ip;
  std::string detail;
};

/// Attempts that failed alike.
struct FailureTally {
  std::string result;
  std::string mx_host;
  std::string receiving_ip;
  std::string detail;  ///< of the first
  std::uint64_t count = 0;
};

/// The attempts of a day under one policy.
struct PolicyTally {
  std::string type;
  std::vector<std::string> policy;
  std::vector<std::string> mx_patterns;
  std::uint64_t successes = 0;
  std::vector<FailureTally> failures;
  std::uint64_t failed() const;
};

/// What was seen in one UTC day, by policy domain. Bounded: domains beyond kMostDomains are not
/// counted, policies of a domain beyond kMostPolicies count with the last, and failures beyond
/// kMostFailures as one without a host. Plain data.
class Day {
 public:
  static constexpr std::size_t kMostDomains = 10'000;
  static constexpr std::size_t kMostPolicies = 8;
  static constexpr std::size_t kMostFailures = 100;
  static constexpr std::size_t kMostDetail = 200;  ///< octets of a detail that are kept

  using Policies = std::vector<PolicyTally>;

  void count(const Sighting& seen);
  /// Takes a domain's counts out; empty: there are none.
  Policies take(const std::string& domain);
  /// Puts them back, beside what was counted meanwhile.
  void put_back(const std::string& domain, Policies policies);
  const std::map<std::string, Policies, std::less<>>& domains() const { return domains_; }
  bool empty() const { return domains_.empty(); }

  /// As text for a file, and back; nullopt: it is no such text. What is there counts together.
  std::string save() const;
  static std::optional<Day> load(std::string_view text);

 private:
  std::map<std::string, Policies, std::less<>> domains_;
};

}  // namespace postern::tls_report
