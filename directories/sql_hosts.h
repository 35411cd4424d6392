// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "directories/sql_connection.h"

#include <string>
#include <vector>

namespace postern::directories {

/// What each host of a connection string is opened with, in the string's order: libpq's own way
/// through its list knows no deadline when it is not to block. One without options for hosts gives
/// one entry, with libpq's defaults. `extra` wins over the string, `defaults` do not. The error is
/// libpq's sentence. Pure but for PGHOST and its like, which libpq reads.
Result<std::vector<SqlOptions>, std::string> read_sql_hosts(const std::string& connection,
                                                            const SqlOptions& extra,
                                                            const SqlOptions& defaults);

}  // namespace postern::directories
