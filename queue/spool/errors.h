// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>

namespace postern::spool {

/// What the spool can answer besides success. Each value has one sentence for logs.
enum class Errc {
  no_space = 1,     ///< under the reserve, or the disk said ENOSPC: 452 4.3.1; passes by itself
  store_failed,     ///< a write or sync failed for good: nothing is acknowledged until a restart
  cancelled,        ///< withdrawn before it was written
  closed,           ///< the spool is shutting down
  not_found,        ///< no such message (any more)
  read_failed,      ///< the disk could not be read just now; trying again may help
  damaged,          ///< what is stored cannot be read; it was moved aside
  leased,           ///< somebody else delivers this recipient right now
  held,             ///< an operator holds the message
  settled,          ///< the recipient's fate is already known
  bad_recipient,    ///< no recipient of that number
  bad_record,       ///< bytes that are no envelope record
  data_dir_in_use,  ///< another process has the data directory
  newer_format,     ///< the data directory was written by a newer version
  bad_data_dir,     ///< the data directory cannot be made, locked or read
};

const std::error_category& category();
std::error_code make_error_code(Errc code);

/// Why the spool could not be opened: the code, and a sentence that names the file or the process.
struct OpenError {
  std::error_code code;
  std::string text;
};

}  // namespace postern::spool

template <>
struct std::is_error_code_enum<postern::spool::Errc> : std::true_type {};
