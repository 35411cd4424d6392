// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <ldap.h>

namespace postern::directories {

/// Limits below libldap's own buffers and TLS, where libldap has none. Time: with GnuTLS its
/// handshake turns in a loop for ever when the server says nothing, and the rest of a message that
/// has begun is waited for without end. Size: a message of over kLargest octets is an error rather
/// than so much memory. Its writes also raise no SIGPIPE. Belongs to the connection, which it
/// outlives; one thread.
class LdapLimits {
 public:
  /// Of one message: one entry with the attributes that were asked for, or one result.
  static constexpr unsigned long kLargest = 16UL << 20;

  /// Whatever `handle` connects to from now on is read and written until `deadline`, then fails.
  /// False: libldap did not take it.
  bool guard(ldap* handle);

  std::chrono::steady_clock::time_point deadline{};

 private:
  ldap_conncb callback_{};  ///< libldap keeps its address
};

}  // namespace postern::directories
