// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace postern::spool::test {

inline constexpr std::size_t kIdOctets = 8;

/// A spool whose log is damaged while it is closed.
class DamagedLog : public ::testing::Test {
 protected:
  DamagedLog() {
    options_.spill_octets = 300'000;
    options_.segment_body_octets = 300'000;  // none is in a segment
    options_.on_damaged = [this](MessageId id, const std::string& why) { damaged_[id] = why; };
    options_.on_trouble = [this](const std::string& line) { troubles_.push_back(line); };
  }
  void open() {
    spool_.reset();
    damaged_.clear();
    troubles_.clear();
    options_.data_dir = data();
    auto opened = Spool::open(options_);
    ASSERT_TRUE(opened) << opened.error().text;
    spool_ = *std::move(opened);
    found_.clear();
    spool_->scan(Spool::Which::recovered,
                 [this](MessageId id, const Envelope&) { found_.insert(id); });
  }
  void fill(std::size_t letters, std::size_t octets = 2000) {
    for (std::size_t i = 0; i < letters; ++i) {
      const std::uint64_t seed = stored_.size();
      stored_.push_back(store(*spool_, patterned(octets, seed)));
      octets_.push_back(octets);
    }
  }
  std::string data() const { return dir_.path("data"); }
  std::vector<std::string> logs() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/db")) {
      if (entry.path().extension() == ".log") out.push_back(entry.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> moved_aside() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/damaged"))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  /// Every letter but these is there, with its octets; these were named, and count.
  void expect_lost(const std::vector<MessageId>& lost) {
    const std::set<MessageId> named(lost.begin(), lost.end());
    EXPECT_EQ(damaged_.size(), named.size());
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      EXPECT_EQ(found_.contains(stored_[i]), !named.contains(stored_[i])) << i;
      EXPECT_EQ(damaged_.contains(stored_[i]), named.contains(stored_[i])) << i;
      if (!found_.contains(stored_[i])) continue;
      const auto body = body_of(*spool_, stored_[i]);
      ASSERT_TRUE(body) << i;
      EXPECT_EQ(*body, patterned(octets_[i], i));
    }
    const Stats stats = spool_->stats();
    EXPECT_EQ(stats.damaged_records, lost.size());
    EXPECT_EQ(stats.ledger.damaged, static_cast<std::int64_t>(lost.size()));
    EXPECT_EQ(stats.ledger.queued, static_cast<std::int64_t>(found_.size()));
    EXPECT_TRUE(stats.ledger.balances());
  }

  TempDir dir_;
  Options options_ = options_in();
  std::unique_ptr<Spool> spool_;
  std::vector<MessageId> stored_;
  std::vector<std::size_t> octets_;
  std::set<MessageId> found_;
  std::map<MessageId, std::string> damaged_;
  std::vector<std::string> troubles_;
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void overwrite(const std::string& path, std::size_t offset, std::string_view octets) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
}

inline void flip(const std::string& path, std::size_t offset) {
  const std::string all = contents(path);
  overwrite(path, offset, std::string(1, static_cast<char>(all[offset] ^ 0x10)));
}

/// Where a key of that letter stands first in a log. (A key may cross the edge of a block; then
/// the test's letters have another size.)
inline std::size_t place_of(const std::string& path, char space, MessageId id) {
  std::string key(1, space);
  for (std::size_t i = 0; i < kIdOctets; ++i) {
    key.push_back(static_cast<char>(id.value() >> (8 * (kIdOctets - 1 - i))));
  }
  const std::size_t at = contents(path).find(key);
  EXPECT_NE(at, std::string::npos);
  return at;
}

}  // namespace postern::spool::test
