// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"

#include <libpq-fe.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace postern::directories {

/// Why a server gave no rows.
struct SqlFailure {
  std::string state;  ///< SQLSTATE; "" when the server said none
  std::string text;   ///< its own words or libpq's, as they came
  bool lost = false;  ///< the connection is of no more use
};

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct FreeConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

using SqlRows = std::unique_ptr<PGresult, FreeResult>;
using SqlOptions = std::vector<std::pair<std::string, std::string>>;

/// One connection to PostgreSQL by non-blocking libpq: every call ends at its deadline. One thread.
class SqlConnection {
 public:
  static Result<SqlConnection, SqlFailure> open(const SqlOptions& options, net::TimePoint deadline);

  /// A command or query without parameters.
  Result<SqlRows, SqlFailure> run(const std::string& text, net::TimePoint deadline);
  /// `types`: 0 where the server shall find out.
  Result<SqlRows, SqlFailure> prepare(const std::string& statement,
                                      const std::string& query,
                                      const std::vector<Oid>& types,
                                      net::TimePoint deadline);
  Result<SqlRows, SqlFailure> execute(const std::string& statement,
                                      const std::vector<const char*>& parameters,
                                      net::TimePoint deadline);

  /// "10.0.0.7", or the folder of the socket.
  std::string host() const;

 private:
  explicit SqlConnection(PGconn* connection) : connection_(connection) {}
  Result<void, SqlFailure> finish_opening(net::TimePoint deadline);
  Result<SqlRows, SqlFailure> result(int sent, net::TimePoint deadline);
  Result<void, SqlFailure> flush(net::TimePoint deadline);
  SqlFailure failure(const PGresult* result) const;
  SqlFailure lost() const;

  std::unique_ptr<PGconn, FreeConnection> connection_;
};

}  // namespace postern::directories
