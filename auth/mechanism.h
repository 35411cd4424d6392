// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/scram_keys.h"
#include "base/channel_binding.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::auth {

/// The server's half of one SASL exchange (RFC 4422), without I/O: a client's messages in,
/// challenges and questions out. Octets, not base64: the protocol around it encodes (RFC 4954).
/// Owned by whoever runs the exchange; one thread. Only begin() once, then next() after each
/// Challenge, checked() after CheckPassword, give() after WantVerifier; nothing after Done and
/// Failed.
class Mechanism {
 public:
  /// Goes to the client; its answer is for next().
  struct Challenge {
    std::string octets;
  };
  /// Is this the account's password? The answer is for checked().
  struct CheckPassword {
    std::string name;
    std::string password;
  };
  /// What is kept of the account's password? The answer is for give(); who is asked makes one up
  /// for an account that does not exist, so that the client learns nothing from the exchange.
  struct WantVerifier {
    std::string name;
  };
  /// The client has proved that it knows the password of name().
  struct Done {};
  struct Failed {
    enum class Why : std::uint8_t {
      malformed,  ///< no message of this mechanism
      refused,    ///< the proof is wrong, or it wants to act for somebody else
    };
    Why why = Why::refused;
    std::string_view reason;  ///< for the log; a literal that holds nothing of the message
  };
  using Step = std::variant<Challenge, CheckPassword, WantVerifier, Done, Failed>;

  Mechanism() = default;
  virtual ~Mechanism() = default;
  Mechanism(Mechanism&&) = delete;

  /// nullopt: the client sent no initial response.
  virtual Step begin(std::optional<std::string_view> initial) = 0;
  virtual Step next(std::string_view response) = 0;
  virtual Step checked(bool is_right);
  virtual Step give(const ScramVerifier& verifier);

  /// The account, as the client wrote it; empty: not said yet.
  const std::string& name() const { return name_; }

 protected:
  static Failed malformed(std::string_view reason) { return {Failed::Why::malformed, reason}; }
  static Failed refused(std::string_view reason) { return {Failed::Why::refused, reason}; }

  std::string name_;
};

/// What a mechanism may take for granted about its exchange.
struct MechanismContext {
  ChannelBindings bindings;   ///< of the TLS connection; empty: there is none, or none is known
  bool offered_plus = false;  ///< the client was offered a -PLUS mechanism (RFC 5802 section 6)
  std::string nonce;          ///< the server's part, printable without comma; SCRAM only
};

// CRAM-MD5 and DIGEST-MD5 are left out on purpose: they need the password itself on the server.

/// All that there are, the strongest first: "SCRAM-SHA-256-PLUS", ...
const std::vector<std::string>& mechanism_names();
/// In capitals, as it is registered; empty: no such mechanism. RFC 4422: names are not case
/// sensitive in SMTP's AUTH.
std::string canonical_mechanism(std::string_view name);
bool is_scram(std::string_view canonical);
/// Ties itself to the TLS connection; cannot be offered without one.
bool is_plus(std::string_view canonical);

/// `canonical`: one of mechanism_names(). Null: it is none.
std::unique_ptr<Mechanism> make_mechanism(std::string_view canonical, MechanismContext context);

/// Longest names and passwords that are taken, in octets; crypt(3) takes no longer password.
inline constexpr std::size_t kMostName = 255;
inline constexpr std::size_t kMostPassword = 511;
/// May this be an account's name? UTF-8 without control characters, spaces or colons, of 1 to
/// kMostName octets.
bool is_account_name(std::string_view name);
/// 1 to kMostPassword octets without NUL. Not prepared (SASLprep, RFC 4013): printable ASCII is
/// its own prepared form, anything else is compared octet by octet.
bool is_password(std::string_view password);

}  // namespace postern::auth
