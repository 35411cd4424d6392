// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Files that survive a crash. Blocking calls; any thread.

namespace postern {

/// Makes `directory`/`name` hold `octets`, whole or not at all, for the owner's eyes alone; on
/// stable storage when it returns true. `name`.new is used on the way.
bool write_file_durably(const std::string& directory,
                        const std::string& name,
                        std::string_view octets);
/// write(2) until all of it is written; false: errno says why.
bool write_all(int fd, std::string_view octets);
/// fsync(2) of a directory: the names in it survive a power loss.
bool sync_directory(const std::string& path);

}  // namespace postern
