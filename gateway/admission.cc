// SPDX-License-Identifier: Apache-2.0
#include "gateway/admission.h"

namespace postern::gateway {

Admission::Verdict Admission::admit(const IpAddress& client,
                                    const AdmissionLimits& limits,
                                    bool exempt,
                                    Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (sessions_ >= limits.sessions) return Verdict::too_many_sessions;
  const auto found = per_client_.find(client);
  const std::size_t from_client = found == per_client_.end() ? 0 : found->second;
  if (!exempt && from_client >= limits.sessions_per_client) return Verdict::too_many_from_client;
  ++sessions_;
  ++per_client_[client];
  ticket = Ticket(this, client);
  return Verdict::admitted;
}

Admission::Verdict Admission::move(const IpAddress& client,
                                   const AdmissionLimits& limits,
                                   bool exempt,
                                   Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (client == ticket.client_) return Verdict::admitted;
  std::size_t& from_client = per_client_[client];
  if (!exempt && from_client >= limits.sessions_per_client) return Verdict::too_many_from_client;
  ++from_client;
  take_one(ticket.client_);
  ticket.client_ = client;
  return Verdict::admitted;
}

void Admission::leave(const IpAddress& client) {
  const std::lock_guard lock(mutex_);
  --sessions_;
  take_one(client);
}

/// Under the lock.
void Admission::take_one(const IpAddress& client) {
  const auto found = per_client_.find(client);
  if (found != per_client_.end() && --found->second == 0) per_client_.erase(found);
}

std::size_t Admission::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

}  // namespace postern::gateway
