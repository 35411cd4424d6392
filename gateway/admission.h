// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace postern::gateway {

/// How many sessions there may be.
struct AdmissionLimits {
  std::size_t sessions = 10000;
  std::size_t sessions_per_client = 100;
};

/// Counts sessions, in all and per client: an address, or a prefix's first. Thread-safe: sessions
/// begin on one thread and end on another.
class Admission {
 public:
  enum class Verdict { admitted, too_many_sessions, too_many_from_client };

  /// A session's place; given back when destroyed. Any thread.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Admission* admission, IpAddress client) : admission_(admission), client_(client) {}
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), client_(other.client_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Ticket() {
      if (admission_ != nullptr) admission_->leave(client_);
    }

   private:
    friend class Admission;
    Admission* admission_ = nullptr;
    IpAddress client_;
  };

  /// `exempt`: the client stands before the senders (gateways.intermediate_mx), so that a limit per
  /// client would hit all of them together.
  Verdict admit(const IpAddress& client,
                const AdmissionLimits& limits,
                bool exempt,
                Ticket& ticket);
  /// The ticket's session is another client's from now on, unless that has too many; it keeps its
  /// place among all.
  Verdict move(const IpAddress& client, const AdmissionLimits& limits, bool exempt, Ticket& ticket);
  std::size_t sessions() const;

 private:
  void leave(const IpAddress& client);
  void take_one(const IpAddress& client);

  mutable std::mutex mutex_;
  std::size_t sessions_ = 0;
  std::unordered_map<IpAddress, std::size_t> per_client_;
};

}  // namespace postern::gateway
