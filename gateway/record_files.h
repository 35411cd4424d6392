// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/recorded_envelope.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// The folder data_dir/envelopes: records in files 0000000001, 0000000002, ..., of which the oldest
// goes when a new one begins. Blocking calls; any thread.

namespace postern::gateway {

/// So many files are full, beside the one that is being written.
inline constexpr std::size_t kRecordFiles = 8;

/// The folder of a data_dir.
std::string records_path(const std::string& data_dir);
std::string record_file_name(std::uint64_t number);
/// Numbers of the folder's files, ascending; empty also where there is no folder.
std::vector<std::uint64_t> record_files(const std::string& folder);

struct RecordsRead {
  std::size_t envelopes = 0;
  std::size_t damaged = 0;  ///< places where records could not be read
};
/// Calls `take` for the last `limit` records (0: all), oldest first, until it says false. `path`:
/// the folder, or one of its files. The error is a sentence.
Result<RecordsRead, std::string> read_records(
    const std::string& path,
    std::size_t limit,
    const std::function<bool(const RecordedEnvelope&)>& take);

}  // namespace postern::gateway
