// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <string>

namespace postern::gateway {

/// Why there is no key: the path and what the system said.
struct TraceKeyError {
  std::string message;
};

/// The key of Postern-Trace (R13) for a config that names none: `data_dir`/trace.key, made at the
/// first start (32 random octets, readable by its owner only) and kept, so that a letter on its way
/// over a restart is still known.
Result<std::string, TraceKeyError> load_or_create_trace_key(const std::string& data_dir);
/// The same where it is there already; nothing is made.
Result<std::string, TraceKeyError> load_trace_key(const std::string& data_dir);

}  // namespace postern::gateway
