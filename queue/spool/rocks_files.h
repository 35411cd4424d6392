// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/store.h"

#include <memory>
#include <string>

namespace rocksdb {
class FileSystem;
}

namespace postern::spool {

/// Body files in `directory`, named by the id; those set aside go to `damaged` as ID.eml. Through
/// RocksDB's file system, so that one layer of tests stands below both. `file_system` null: the
/// system's.
std::unique_ptr<BodyFiles> open_body_files(std::string directory,
                                           std::string damaged,
                                           std::shared_ptr<rocksdb::FileSystem> file_system);

}  // namespace postern::spool
