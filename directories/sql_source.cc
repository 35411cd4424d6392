// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_source.h"

#include "base/printable.h"
#include "directories/sql_connection.h"
#include "directories/sql_hosts.h"
#include "directories/sql_query.h"
#include "directories/sql_states.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::directories {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;
using std::chrono::milliseconds;

const std::string kStatement = "postern_directory";
constexpr Oid kText = 25;  // pg_type.dat; the client's headers have no names for types
constexpr Oid kBool = 16;

/// Kept back of the whole time for the server's word that it gave the query up.
milliseconds grace(milliseconds timeout) {
  return std::min(timeout / 5, milliseconds(200));
}

SqlOptions extra_options(const SqlSettings& settings) {
  SqlOptions out = {
      {"client_encoding", "UTF8"}
  };
  if (!settings.password.empty()) out.emplace_back("password", settings.password);
  return out;
}

SqlOptions default_options(const SqlSettings& settings) {
  return {
      {"application_name", "postern"                               },
 // The kernel gives a connection up whose other end is gone, where nobody waits for it.
      {"tcp_user_timeout", std::to_string(settings.timeout.count())},
  };
}

/// A row whose first column is neither NULL nor false; one without columns counts too.
bool has_mailbox(const PGresult* rows) {
  const bool is_bool = PQnfields(rows) > 0 && PQftype(rows, 0) == kBool;
  for (int row = 0; row < PQntuples(rows); ++row) {
    if (PQnfields(rows) == 0) return true;
    if (PQgetisnull(rows, row, 0) != 0) continue;
    if (!is_bool || *PQgetvalue(rows, row, 0) == 't') return true;
  }
  return false;
}

class SqlSource final : public Source {
 public:
  explicit SqlSource(const SqlSettings& settings)
      : settings_(settings), query_(read_query(settings.query)) {
    auto hosts =
        read_sql_hosts(settings.connection, extra_options(settings), default_options(settings));
    if (hosts) {
      hosts_ = std::move(*hosts);
    } else {
      fault_.text = hosts.error();
    }
  }

  DirectoryAnswer look_up(const smtp::Mailbox& address) override {
    const net::TimePoint deadline = net::Clock::now() + settings_.timeout;
    const bool reused = connection_.has_value();
    Result<SqlRows, SqlFailure> rows = ask(address, deadline);
    if (!rows) forget_after(rows.error());
    if (!rows && reused && !connection_ && net::Clock::now() < deadline) {
      // The server ended the session while nobody asked: no news about the server.
      rows = ask(address, deadline);
      if (!rows) forget_after(rows.error());
    }
    if (!rows) return unavailable(rows.error());
    if (PQresultStatus(rows->get()) != PGRES_TUPLES_OK) {
      SqlFailure none;
      none.text = "the query gives no rows: it must be a SELECT";
      return unavailable(none);
    }
    DirectoryAnswer out;
    out.presence = has_mailbox(rows->get()) ? Presence::known : Presence::unknown;
    out.evidence = label(connection_->host());
    return out;
  }

 private:
  Result<SqlRows, SqlFailure> ask(const smtp::Mailbox& address, net::TimePoint deadline) {
    if (hosts_.empty()) return fault_;
    const Result<void, SqlFailure> opened = open(deadline);
    if (!opened) return opened.error();
    const Result<void, SqlFailure> prepared = prepare(deadline);
    if (!prepared) return prepared.error();
    const std::string local(address.local());
    const std::string domain(address.domain());
    const std::array<const char*, kSqlParameters> all = {
        address.text().c_str(), local.c_str(), domain.c_str()};
    const std::vector<const char*> parameters(
        all.begin(), all.begin() + static_cast<std::ptrdiff_t>(query_.parameters));
    return connection_->execute(kStatement, parameters, deadline);
  }

  /// The host that answered last, then the others in their order; each gets an even share of the
  /// time that is left, so that one that is silent does not cost the way over the next.
  Result<void, SqlFailure> open(net::TimePoint deadline) {
    if (connection_) return {};
    prepared_ = false;
    SqlFailure why;
    for (std::size_t tried = 0; tried < hosts_.size(); ++tried) {
      const std::size_t i = (last_good_ + tried) % hosts_.size();
      const auto now = net::Clock::now();
      const auto share = (deadline - now) / static_cast<std::int64_t>(hosts_.size() - tried);
      Result<SqlConnection, SqlFailure> opened = SqlConnection::open(hosts_[i], now + share);
      if (opened) {
        connection_ = std::move(*opened);
        last_good_ = i;
        return {};
      }
      why = opened.error();
    }
    return why;
  }

  Result<void, SqlFailure> prepare(net::TimePoint deadline) {
    if (prepared_) return {};
    // Not PQcancel: it blocks for as long as a server that hangs likes. The server keeps the time
    // itself; one that fails even in that loses the connection at the deadline.
    const milliseconds limit =
        std::max(milliseconds(1), settings_.timeout - grace(settings_.timeout));
    const std::string set = "SET statement_timeout = " + std::to_string(limit.count());
    const Result<SqlRows, SqlFailure> told = connection_->run(set, deadline);
    if (!told) return told.error();
    // The server finds the types out by what an address is compared with (citext, varchar); a
    // parameter that is not used has nothing to find out by.
    std::vector<Oid> types;
    for (std::size_t i = 0; i < query_.parameters; ++i)
      types.push_back(query_.uses[i] ? 0 : kText);
    const Result<SqlRows, SqlFailure> known =
        connection_->prepare(kStatement, settings_.query, types, deadline);
    if (!known) return known.error();
    prepared_ = true;
    return {};
  }

  void forget_after(const SqlFailure& failure) {
    if (failure.lost || wants_new_connection(failure.state)) connection_.reset();
  }

  std::string label(const std::string& host) const {
    std::string out = "sql " + settings_.name;
    if (!host.empty()) out.append(" (").append(printable(host, 80)).append(")");
    return out;
  }

  /// "sql pg: 57P01 the server is shutting down"
  DirectoryAnswer unavailable(const SqlFailure& failure) const {
    DirectoryAnswer out;
    out.evidence = label({}) + ": ";
    const std::string said = printable(failure.text);
    if (failure.state.empty()) {
      out.evidence.append(said.empty() ? "no connection" : said);
      return out;
    }
    const std::string_view meaning = sql_state_text(failure.state);
    out.evidence.append(failure.state);
    if (!meaning.empty()) out.evidence.append(" ").append(meaning);
    if (!said.empty()) out.evidence.append(" (").append(said).append(")");
    return out;
  }

  const SqlSettings settings_;
  const SqlQuery query_;
  std::vector<SqlOptions> hosts_;
  SqlFailure fault_;
  std::optional<SqlConnection> connection_;
  bool prepared_ = false;
  std::size_t last_good_ = 0;
};

}  // namespace

std::optional<std::string> find_connection_fault(const std::string& connection) {
  const auto hosts = read_sql_hosts(connection, {}, {});
  if (hosts) return std::nullopt;
  return hosts.error() +
         ": write postgresql://user@host/database, or host=... user=... dbname=... as libpq has it";
}

std::unique_ptr<Source> make_sql_source(const SqlSettings& settings) {
  return std::make_unique<SqlSource>(settings);
}

}  // namespace postern::directories
