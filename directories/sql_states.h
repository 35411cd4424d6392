// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace postern::directories {

// What a SQLSTATE (PostgreSQL's manual, appendix A) means to a look-up. Pure; any thread.

/// In words: "the server is shutting down", "the query is wrong"; "" for one that tells us nothing.
std::string_view sql_state_text(std::string_view state);

/// The session is over or has forgotten our statement: a new connection may do.
bool wants_new_connection(std::string_view state);

}  // namespace postern::directories
