// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/rocks_files.h"
#include "queue/spool/rocks_store.h"
#include "support.h"

#include <filesystem>
#include <memory>
#include <rocksdb/system_clock.h>
#include <string>

namespace postern::spool::test {

/// RocksDB's pauses after a failure are short.
class HastyClock final : public rocksdb::SystemClockWrapper {
 public:
  HastyClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "HastyClock"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(micros / 1000);
  }
};

/// A spool on the directory `data` through another file system; null when the store does not open.
inline std::unique_ptr<Spool> open_through(const std::string& data,
                                           const std::shared_ptr<rocksdb::FileSystem>& system,
                                           Options options) {
  std::filesystem::create_directories(data + "/db");
  std::filesystem::create_directories(data + "/segments");
  std::filesystem::create_directories(data + "/bodies");
  std::filesystem::create_directories(data + "/damaged");
  RocksOptions rocks;
  rocks.path = data + "/db";
  rocks.memtable_octets = options.memtable_octets;
  rocks.slack_octets = options.slack_octets;
  rocks.segment_body_octets = options.segment_body_octets;
  rocks.segment_octets = options.segment_octets;
  rocks.segments = data + "/segments";
  rocks.damaged = data + "/damaged";
  rocks.file_system = system;
  rocks.clock = std::make_shared<HastyClock>();
  auto store = RocksStore::open(rocks);
  if (!store) return nullptr;
  return std::make_unique<Spool>(*std::move(store),
                                 open_body_files(data + "/bodies", data + "/damaged", system),
                                 std::move(options));
}

}  // namespace postern::spool::test
