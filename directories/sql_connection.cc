// SPDX-License-Identifier: Apache-2.0
#include "directories/sql_connection.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <string_view>

namespace postern::directories {
namespace {

enum class Ready : std::uint8_t { yes, late };

/// Waits for the socket until the deadline.
Ready wait(int socket, short events, net::TimePoint deadline) {
  pollfd watched{socket, events, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - net::Clock::now());
    if (left.count() <= 0) return Ready::late;
    const int limit = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    const int found = poll(&watched, 1, limit);
    if (found > 0 || (found < 0 && errno != EINTR)) return Ready::yes;  // libpq tells what is wrong
  }
}

SqlFailure late(std::string_view doing) {
  SqlFailure out;
  out.text = std::string("no answer in time while ").append(doing);
  out.lost = true;
  return out;
}

/// With PQERRORS_VERBOSE libpq writes `FATAL:  28P01: password ...`: the only place where a refused
/// connection has its SQLSTATE. The first line is the cause, the others are where in the server.
SqlFailure read_refusal(std::string_view text) {
  SqlFailure out;
  out.lost = true;
  text = text.substr(0, text.find('\n'));
  for (std::size_t at = text.find(":  "); at != std::string_view::npos;
       at = text.find(":  ", at + 1)) {
    const std::string_view behind = text.substr(at + 3);
    const bool is_state = behind.size() > 6 && behind[5] == ':' &&
                          std::all_of(behind.begin(), behind.begin() + 5, [](unsigned char c) {
                            return std::isdigit(c) != 0 || std::isupper(c) != 0;
                          });
    if (!is_state) continue;
    out.state = behind.substr(0, 5);
    out.text = behind.substr(7);
    return out;
  }
  out.text = text;
  return out;
}

}  // namespace

Result<SqlConnection, SqlFailure> SqlConnection::open(const SqlOptions& options,
                                                      net::TimePoint deadline) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : options) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  SqlConnection out(PQconnectStartParams(names.data(), values.data(), 0));
  const Result<void, SqlFailure> opened = out.finish_opening(deadline);
  if (!opened) return opened.error();
  return out;
}

Result<void, SqlFailure> SqlConnection::finish_opening(net::TimePoint deadline) {
  PGconn* const c = connection_.get();
  if (c == nullptr) return late("getting memory");
  PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
  // What the server tells besides goes to nobody's standard error.
  PQsetNoticeProcessor(
      c, [](void*, const char*) {}, nullptr);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(c) != CONNECTION_BAD) {
    if (state == PGRES_POLLING_OK) {
      PQsetnonblocking(c, 1);
      return {};
    }
    if (state == PGRES_POLLING_FAILED) break;
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (wait(PQsocket(c), events, deadline) == Ready::late) return late("connecting");
    state = PQconnectPoll(c);
  }
  return read_refusal(PQerrorMessage(c));
}

std::string SqlConnection::host() const {
  const char* const host = PQhost(connection_.get());
  return host == nullptr ? std::string() : host;
}

SqlFailure SqlConnection::failure(const PGresult* result) const {
  SqlFailure out;
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state != nullptr) out.state = state;
  out.text = text != nullptr ? text : PQresultErrorMessage(result);
  out.lost = PQstatus(connection_.get()) != CONNECTION_OK;
  return out;
}

SqlFailure SqlConnection::lost() const {
  SqlFailure out = read_refusal(PQerrorMessage(connection_.get()));
  if (out.text.empty()) out.text = "the connection was lost";
  return out;
}

Result<void, SqlFailure> SqlConnection::flush(net::TimePoint deadline) {
  PGconn* const c = connection_.get();
  for (;;) {
    const int left = PQflush(c);
    if (left == 0) return {};
    // After a failed write the server's last words may still be read: "shutting down".
    if (left < 0) return {};
    if (wait(PQsocket(c), POLLIN | POLLOUT, deadline) == Ready::late) return late("asking");
    if (PQconsumeInput(c) == 0) return {};
  }
}

/// All results of what was sent; the first failure among them, or the last one.
Result<SqlRows, SqlFailure> SqlConnection::result(int sent, net::TimePoint deadline) {
  PGconn* const c = connection_.get();
  if (sent == 0) return lost();
  const Result<void, SqlFailure> flushed = flush(deadline);
  if (!flushed) return flushed.error();
  SqlRows rows;
  std::optional<SqlFailure> failed;
  for (;;) {
    while (PQisBusy(c) != 0) {
      if (wait(PQsocket(c), POLLIN, deadline) == Ready::late) return late("waiting for the answer");
      if (PQconsumeInput(c) == 0 && PQisBusy(c) != 0) return lost();
    }
    SqlRows next(PQgetResult(c));
    if (!next) break;
    const ExecStatusType status = PQresultStatus(next.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !failed) {
      failed = failure(next.get());
    }
    const bool copies =
        status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
    if (copies) {  // would go on for ever
      failed->lost = true;
      break;
    }
    rows = std::move(next);
  }
  if (failed) {
    failed->lost = failed->lost || PQstatus(c) != CONNECTION_OK;
    return *failed;
  }
  if (!rows) return lost();
  return rows;
}

Result<SqlRows, SqlFailure> SqlConnection::run(const std::string& text, net::TimePoint deadline) {
  return result(PQsendQuery(connection_.get(), text.c_str()), deadline);
}

Result<SqlRows, SqlFailure> SqlConnection::prepare(const std::string& statement,
                                                   const std::string& query,
                                                   const std::vector<Oid>& types,
                                                   net::TimePoint deadline) {
  const int sent = PQsendPrepare(connection_.get(),
                                 statement.c_str(),
                                 query.c_str(),
                                 static_cast<int>(types.size()),
                                 types.data());
  return result(sent, deadline);
}

Result<SqlRows, SqlFailure> SqlConnection::execute(const std::string& statement,
                                                   const std::vector<const char*>& parameters,
                                                   net::TimePoint deadline) {
  const int sent = PQsendQueryPrepared(connection_.get(),
                                       statement.c_str(),
                                       static_cast<int>(parameters.size()),
                                       parameters.data(),
                                       nullptr,
                                       nullptr,
                                       0);
  return result(sent, deadline);
}

}  // namespace postern::directories
