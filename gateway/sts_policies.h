// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta_sts/policy_service.h"
#include "queue/sts_policies.h"

#include <string>

namespace postern::gateway {

/// MTA-STS policies as deliveries ask for them. One for the process; outlives the workers.
class StsDesk : public queue::StsPolicies {
 public:
  explicit StsDesk(mta_sts::PolicyService::Options options) : service_(std::move(options)) {}

  net::Awaitable<queue::StsVerdict> policy(std::string domain) override;

 private:
  mta_sts::PolicyService service_;
};

/// In the words of deliveries. Pure.
queue::StsVerdict sts_verdict(const mta_sts::Verdict& verdict);

}  // namespace postern::gateway
