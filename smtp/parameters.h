// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

/// BODY= (RFC 6152, RFC 3030). `unspecified`: not given, which means 7BIT.
enum class Body : std::uint8_t { unspecified, seven_bit, eight_bit_mime, binary_mime };

/// RET= (RFC 3461 4.3).
enum class Ret : std::uint8_t { unspecified, full, headers };

/// NOTIFY= (RFC 3461 4.1): a set of flags; `unspecified` is the empty set, NEVER excludes the
/// others.
struct Notify {
  bool never = false;
  bool success = false;
  bool failure = false;
  bool delay = false;

  bool specified() const { return never || success || failure || delay; }
  friend bool operator==(const Notify&, const Notify&) = default;
};

/// Parameters of MAIL. The view form (Str = string_view) points into the command line; the owned
/// form is part of the envelope. xtext values (ENVID, AUTH, ORCPT) are kept encoded, as they are
/// passed on.
template <class Str>
struct BasicMailParameters {
  std::optional<std::uint64_t> size;  ///< octets, RFC 1870
  Body body = Body::unspecified;
  Ret ret = Ret::unspecified;
  bool smtputf8 = false;    ///< RFC 6531
  bool requiretls = false;  ///< RFC 8689
  Str envid{};              ///< RFC 3461 4.4, xtext
  Str auth{};               ///< RFC 4954 5, xtext or "<>"
};

template <class Str>
struct BasicRcptParameters {
  Notify notify;
  Str orcpt{};  ///< RFC 3461 4.2: addr-type ";" xtext
};

using MailParametersView = BasicMailParameters<std::string_view>;
using RcptParametersView = BasicRcptParameters<std::string_view>;
using MailParameters = BasicMailParameters<std::string>;
using RcptParameters = BasicRcptParameters<std::string>;

inline MailParameters own(const MailParametersView& v) {
  return {
      v.size, v.body, v.ret, v.smtputf8, v.requiretls, std::string(v.envid), std::string(v.auth)};
}
inline RcptParameters own(const RcptParametersView& v) {
  return {v.notify, std::string(v.orcpt)};
}

}  // namespace postern::smtp
