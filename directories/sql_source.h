// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/source.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::directories {

/// A PostgreSQL server that is asked about mailboxes: `[[directory]] kind = "sql"`.
struct SqlSettings {
  std::string name;  ///< "pg"; evidence begins with "sql pg"
  /// libpq's: "postgresql://user@host1,host2/db?sslmode=verify-full" or "host=... dbname=...".
  std::string connection;
  std::string password;  ///< the secret itself; empty: what the connection string or pgpass says
  std::string query;     ///< directories/sql_query.h
  /// For one look-up, connecting and one more try included. At least 1 ms.
  std::chrono::milliseconds timeout{5000};
};

/// What is wrong with the settings, as a sentence; nothing is asked. For the config's reader.
std::optional<std::string> find_connection_fault(const std::string& connection);

/// A Source with one connection and one prepared statement. A row whose first column is neither
/// NULL nor false: known. No such row: unknown. Everything else: unavailable, with the SQLSTATE
/// (PostgreSQL's manual, appendix A) or libpq's word for it as evidence.
///
/// Hosts of the connection string are tried in their order, the one that answered last first, each
/// with its share of the time that is left. A connection that the server ended meanwhile is
/// replaced once within the look-up. The server is told to end a query before our own time is up,
/// so that the connection stays good; a server that does not even do that loses it. Names of hosts
/// are resolved by libpq, which waits as long as the system's resolver does.
std::unique_ptr<Source> make_sql_source(const SqlSettings& settings);

}  // namespace postern::directories
