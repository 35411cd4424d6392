// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/stream.h"

namespace postern::tls {

/// Private to tls/: fills in who the client is by its certificate, behind a server's handshake.
void describe_client(SSL* ssl, Info& info);

}  // namespace postern::tls
