// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/mechanism.h"
#include "mailtools/sink/sink.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Private to mailtools/sink.

namespace postern::sink {

/// The accounts of a sink, with what SCRAM needs of each. Immutable; any thread.
class Accounts {
 public:
  explicit Accounts(const std::vector<Account>& accounts);
  bool empty() const { return accounts_.empty(); }
  bool check(std::string_view user, std::string_view password) const;
  /// Of a user that is not there, one that no password fits.
  const auth::ScramVerifier& verifier(std::string_view user) const;
  /// What AUTH offers, with channel binding over TLS: "SCRAM-SHA-256 PLAIN LOGIN".
  std::string mechanisms(bool over_tls) const;

 private:
  struct Entry {
    Account account;
    auth::ScramVerifier verifier;
  };
  std::vector<Entry> accounts_;
  auth::ScramVerifier nobody_;
};

/// One AUTH exchange (RFC 4954). `accounts` outlives it; one thread.
class Login {
 public:
  /// A challenge for the client, or the end: failed, or `user` has logged in.
  struct Step {
    enum class Kind : std::uint8_t { challenge, succeeded, malformed, refused };
    Kind kind = Kind::refused;
    std::string text;  ///< the challenge's octets, or the user
  };

  Login(const Accounts& accounts, std::string_view mechanism, const ChannelBindings& bindings);
  Step begin(std::optional<std::string_view> initial);
  Step next(std::string_view response);

 private:
  Step settle(auth::Mechanism::Step step);

  const Accounts& accounts_;
  std::unique_ptr<auth::Mechanism> mechanism_;
};

}  // namespace postern::sink
