// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

namespace postern::tls {

/// Where a socket BIO reads and writes, and what happened last. Owned by the stream; outlives the
/// BIO.
struct SocketBioState {
  int fd = -1;    ///< non-blocking, not owned
  int error = 0;  ///< errno of the last call that failed for good; 0: the peer closed
};

/// A BIO on a socket, like OpenSSL's own but with MSG_NOSIGNAL: a peer that has gone must not raise
/// SIGPIPE. Null when memory is short. The caller owns the BIO.
BIO* new_socket_bio(SocketBioState& state);

}  // namespace postern::tls
