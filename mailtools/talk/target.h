// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "tls/failure.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::talk {

/// Which addresses of a host count.
enum class Family : std::uint8_t { any, ipv4, ipv6 };

/// Where a conversation is held. A value.
struct Target {
  std::string host;  ///< a name, which the system's resolver is asked for, or an address
  std::uint16_t port = 25;
  Family family = Family::any;   ///< of `host` and `local`
  std::string local{};           ///< address to connect from; empty: the system's choice
  std::uint16_t local_port = 0;  ///< 0: the system's choice
  /// For the connection, for a handshake, for each reply and each piece that is sent; 0: for ever.
  std::chrono::milliseconds timeout{30'000};
  /// Sent before anything else, the handshake too (a PROXY header), and how it is shown.
  std::string preamble{};
  std::string preamble_shown{};
};

/// How TLS is begun, and what of the server's certificate must be right. A value.
struct TlsTerms {
  bool verify = false;  ///< the certificate must be signed by an authority, valid, and for `names`
  std::string ca{};     ///< file or folder of authorities, PEM; empty: the system's
  std::vector<std::string> names{};  ///< one of them must be in it; empty: the target's host
  std::string server_name{};         ///< SNI; empty: the target's host, where that is a name
  std::string cert{};                ///< the client's own chain, PEM; empty: none
  std::string key{};                 ///< its key
  int least_version = 0;             ///< TLS1_2_VERSION and so on; 0: 1.2
  int most_version = 0;              ///< 0: the newest
  std::string ciphers{};             ///< of TLS 1.2 and below, as OpenSSL lists them; empty: ours
};

/// What a handshake has shown. A value; times in UTC as OpenSSL prints them.
struct TlsFacts {
  std::string version;  ///< "TLSv1.3"
  std::string cipher;
  int bits = 0;
  bool verified = false;  ///< by an authority and a name
  std::string problem{};  ///< why the certificate is not what was asked for; empty: it is
  std::string subject{};  ///< of the server's certificate, "CN=gw.company.ru"
  std::string issuer{};
  std::vector<std::string> names{};
  std::string not_before{};  ///< "Dec  1 00:00:00 2026 GMT"
  std::string not_after{};
  std::string fingerprint{};  ///< SHA-256, hex
  std::string pem{};          ///< the certificate itself
  std::string own_subject{};  ///< of the client's certificate; empty: none was shown
};

/// Why a conversation cannot go on.
struct TalkError {
  enum class Kind : std::uint8_t {
    unreachable,  ///< no address, or no connection
    timed_out,    ///< no reply in time, or what was sent was not taken in time
    closed,       ///< the server has closed the connection
    tls,          ///< the handshake failed, or the certificate is not what was asked for
    bad_reply,    ///< what came is no SMTP reply (RFC 5321 section 4.2)
    refused,      ///< a login that the server refuses, or one that cannot be tried
    local,        ///< of this side: a file that cannot be read, an address that is not ours
  };
  Kind kind = Kind::closed;
  std::string detail;                     ///< one sentence, fit to be printed
  tls::Failure tls = tls::Failure::none;  ///< of Kind::tls, where the certificate is the reason
};

}  // namespace postern::talk
