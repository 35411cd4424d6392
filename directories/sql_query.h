// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::directories {

/// What the parameters of a directory's query stand for: $1 the address, $2 its local part, $3 its
/// domain.
inline constexpr std::size_t kSqlParameters = 3;

/// A query as the config has it, read as far as its parameters; PostgreSQL's lexical rules (manual,
/// 4.1): what stands in quotes, dollar quotes or comments is no parameter. Pure; any thread.
struct SqlQuery {
  std::array<bool, kSqlParameters> uses{};
  /// The highest parameter: how many the prepared statement has; 0: none.
  std::size_t parameters = 0;
};

/// What is wrong with the query's form, as a sentence that says what to write instead; nothing:
/// it may be asked, though only the server knows tables and columns.
std::optional<std::string> find_query_fault(std::string_view query);

/// Of a query without a fault.
SqlQuery read_query(std::string_view query);

}  // namespace postern::directories
