// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/check_pool.h"
#include "auth/failure_guard.h"
#include "auth/password_source.h"
#include "gateway/letter_log.h"
#include "gateway/runtime.h"
#include "smtp/session/service.h"

#include <memory>
#include <string>

namespace postern::gateway {

/// What logging in needs beyond a config, for the whole process: threads that check passwords, what
/// is counted against guessing (which a reload does not forget), and the secret that makes up
/// salts. Any thread; outlives the sessions.
class Authenticator {
 public:
  Authenticator();

  auth::CheckPool& pool_for(const auth::PasswordSource& source) {
    return source.asks_a_server() ? asking_ : hashing_;
  }
  auth::FailureGuard& guard() { return guard_; }
  const std::string& secret() const { return secret_; }

 private:
  auth::FailureGuard guard_;
  std::string secret_;
  auth::CheckPool hashing_;
  auth::CheckPool asking_;
};

/// The mechanisms of `configured` with which every account can log in over this connection, now.
std::string usable_mechanisms(const Snapshot& snapshot,
                              const smtp::SessionFacts& session,
                              std::string_view configured);

/// The gateway's half of one exchange. `session`, `authenticator` and `log` outlive it. Null: the
/// config that is current has no accounts any more.
std::unique_ptr<smtp::AuthExchange> make_exchange(std::shared_ptr<const Runtime> runtime,
                                                  const smtp::SessionFacts& session,
                                                  const smtp::AuthStart& start,
                                                  Authenticator& authenticator,
                                                  const LetterLog& log);

}  // namespace postern::gateway
