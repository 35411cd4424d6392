// SPDX-License-Identifier: Apache-2.0
#include "tls_report/tally.h"

#include "base/printable.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

namespace postern::tls_report {
namespace {

using Stored = nlohmann::json;

PolicyTally& policy_for(Day::Policies& policies, const Sighting& seen) {
  const auto same = [&seen](const PolicyTally& p) {
    return p.type == seen.policy_type && p.policy == seen.policy;
  };
  const auto found = std::find_if(policies.begin(), policies.end(), same);
  if (found != policies.end()) return *found;
  if (policies.size() >= Day::kMostPolicies) return policies.back();
  policies.push_back(PolicyTally{seen.policy_type, seen.policy, seen.mx_patterns, 0, {}});
  return policies.back();
}

FailureTally& failure_for(PolicyTally& policy, const Sighting& seen) {
  const auto find = [&policy](
                        const std::string& host, const std::string& ip, const std::string& result) {
    return std::find_if(policy.failures.begin(), policy.failures.end(), [&](const auto& f) {
      return f.result == result && f.mx_host == host && f.receiving_ip == ip;
    });
  };
  auto found = find(seen.mx_host, seen.receiving_ip, seen.result);
  if (found != policy.failures.end()) return *found;
  if (policy.failures.size() < Day::kMostFailures) {
    policy.failures.push_back(FailureTally{
        seen.result, seen.mx_host, seen.receiving_ip, printable(seen.detail, Day::kMostDetail), 0});
    return policy.failures.back();
  }
  found = find({}, {}, seen.result);
  if (found != policy.failures.end()) return *found;
  // There are a dozen results: this is bounded as well.
  policy.failures.push_back(FailureTally{seen.result, {}, {}, {}, 0});
  return policy.failures.back();
}

Stored to_json(const PolicyTally& policy) {
  Stored failures = Stored::array();
  for (const FailureTally& f : policy.failures) {
    failures.push_back(Stored{
        {"result", f.result      },
        {"mx",     f.mx_host     },
        {"ip",     f.receiving_ip},
        {"detail", f.detail      },
        {"count",  f.count       }
    });
  }
  return Stored{
      {"type",      policy.type       },
      {"policy",    policy.policy     },
      {"patterns",  policy.mx_patterns},
      {"successes", policy.successes  },
      {"failures",  failures          }
  };
}

PolicyTally policy_from(const Stored& json) {
  PolicyTally out;
  out.type = json.at("type").get<std::string>();
  out.policy = json.at("policy").get<std::vector<std::string>>();
  out.mx_patterns = json.at("patterns").get<std::vector<std::string>>();
  out.successes = json.at("successes").get<std::uint64_t>();
  for (const Stored& f : json.at("failures")) {
    out.failures.push_back(FailureTally{f.at("result").get<std::string>(),
                                        f.at("mx").get<std::string>(),
                                        f.at("ip").get<std::string>(),
                                        f.at("detail").get<std::string>(),
                                        f.at("count").get<std::uint64_t>()});
  }
  return out;
}

}  // namespace

std::uint64_t PolicyTally::failed() const {
  return std::accumulate(
      failures.begin(), failures.end(), std::uint64_t{0}, [](std::uint64_t sum, const auto& f) {
        return sum + f.count;
      });
}

void Day::count(const Sighting& seen) {
  auto at = domains_.find(seen.domain);
  if (at == domains_.end()) {
    if (domains_.size() >= kMostDomains) return;
    at = domains_.emplace(seen.domain, Policies()).first;
  }
  PolicyTally& policy = policy_for(at->second, seen);
  if (seen.result.empty()) {
    ++policy.successes;
  } else {
    ++failure_for(policy, seen).count;
  }
}

Day::Policies Day::take(const std::string& domain) {
  const auto at = domains_.find(domain);
  if (at == domains_.end()) return {};
  Policies out = std::move(at->second);
  domains_.erase(at);
  return out;
}

void Day::put_back(const std::string& domain, Policies policies) {
  Policies& now = domains_[domain];
  for (PolicyTally& later : now)
    policies.push_back(std::move(later));
  now = std::move(policies);
}

std::string Day::save() const {
  Stored out = Stored::object();
  for (const auto& [domain, policies] : domains_) {
    Stored& list = out[domain] = Stored::array();
    for (const PolicyTally& policy : policies)
      list.push_back(to_json(policy));
  }
  return out.dump(-1, ' ', false, Stored::error_handler_t::replace);
}

std::optional<Day> Day::load(std::string_view text) {
  const Stored json = Stored::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Day day;
  try {
    for (const auto& [domain, policies] : json.items()) {
      Policies& list = day.domains_[domain];
      for (const Stored& policy : policies)
        list.push_back(policy_from(policy));
    }
  } catch (const Stored::exception&) {
    return std::nullopt;
  }
  return day;
}

}  // namespace postern::tls_report
