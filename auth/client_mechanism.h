// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/mechanism.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>

namespace postern::auth {

/// Who logs in, and by what.
struct Credentials {
  std::string name;
  std::string password;
};

/// The client's half of one SASL exchange, without I/O. One thread; the credentials are copied.
class ClientMechanism {
 public:
  ClientMechanism() = default;
  virtual ~ClientMechanism() = default;
  ClientMechanism(ClientMechanism&&) = delete;

  /// The initial response. LOGIN's is the name, which servers take there too.
  virtual std::string begin() = 0;
  /// The answer to a challenge, or why the server is not to be trusted.
  virtual Result<std::string, std::string> next(std::string_view challenge) = 0;
  /// Has the server proved what it must? Asked at its success; SCRAM's server must know the
  /// password too (RFC 5802 section 5.1).
  virtual bool is_satisfied() const = 0;
};

/// `canonical`: one of mechanism_names(); `context.nonce` is the client's part. A -PLUS mechanism
/// uses the first binding. Null: no such mechanism.
std::unique_ptr<ClientMechanism> make_client_mechanism(std::string_view canonical,
                                                       Credentials credentials,
                                                       MechanismContext context);

}  // namespace postern::auth
