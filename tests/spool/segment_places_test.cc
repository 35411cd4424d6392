// SPDX-License-Identifier: Apache-2.0
// A block of the database's tables that cannot be read, where it has the places of bodies.
#include "damaged_log.h"
#include "fault_file_system.h"
#include "queue/spool/rocks_store.h"
#include "segment_files.h"

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;

// So many that a flush is worth it, and that their places take several blocks.
constexpr std::size_t kLetters = 600;
constexpr std::size_t kRecord = 16'000;
constexpr std::size_t kBody = 1500;
/// Places in a block of 4096 octets, at most.
constexpr std::size_t kInABlock = 200;

MessageId id_of(std::size_t letter) {
  return MessageId(0x0005'0000'0000'0000ULL + letter);
}

class SegmentPlaces : public ::testing::TestWithParam<bool> {
 protected:
  SegmentPlaces() {
    for (const char* const part : {"db", "segments", "damaged"})
      fs::create_directories(dir_.path(part));
    options_.path = dir_.path("db");
    options_.segments = dir_.path("segments");
    options_.damaged = dir_.path("damaged");
    options_.segment_body_octets = 1000;
    options_.file_system = std::make_shared<FaultFileSystem>();
  }
  void open() {
    store_.reset();
    auto opened = RocksStore::open(options_);
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
  }
  void fill() {
    for (std::size_t i = 0; i < kLetters; ++i) {
      store_->put(id_of(i), patterned(kRecord, i));
      store_->put_body(id_of(i), chunks_of(patterned(kBody, i)));
    }
    ASSERT_EQ(store_->write(true), WriteOutcome::ok);
    store_->reclaim(~std::uint64_t{0} / 4, true);
  }
  std::size_t unreadable() const {
    std::size_t bad = 0;
    for (std::size_t i = 0; i < kLetters; ++i) {
      const auto body = store_->body(id_of(i));
      bad += !body;
      if (body) EXPECT_EQ(*body, patterned(kBody, i));
    }
    return bad;
  }
  /// Damages the block with that octets of a key.
  void damage(std::string_view key) const {
    for (const auto& entry : fs::directory_iterator(options_.path)) {
      if (entry.path().extension() != ".sst") continue;
      const std::size_t at = contents(entry.path().string()).find(key);
      ASSERT_NE(at, std::string::npos);
      flip(entry.path().string(), at + key.size());
      return;
    }
    FAIL() << "nothing was flushed";
  }
  /// A key that stands in the table as a whole, as one of sixteen does, from the middle.
  std::string place_in_the_middle() const {
    for (const auto& entry : fs::directory_iterator(options_.path)) {
      if (entry.path().extension() != ".sst") continue;
      const std::string table = contents(entry.path().string());
      for (std::size_t i = kLetters / 2; i < kLetters; ++i) {
        std::string key(1, 'S');
        for (std::size_t octet = kIdOctets; octet-- > 0;)
          key += static_cast<char>(id_of(i).value() >> (8 * octet));
        if (table.find(key) != std::string::npos) return key;
      }
    }
    return "none";
  }

  TempDir dir_;
  RocksOptions options_;
  std::unique_ptr<RocksStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Of, SegmentPlaces, ::testing::Bool(), [](const auto& about) {
  return about.param ? "TheFirst" : "InTheMiddle";
});

TEST_P(SegmentPlaces, ADamagedBlockOfThemCostsNoOtherLetter) {
  open();
  fill();
  ASSERT_EQ(unreadable(), 0U);
  store_.reset();
  // The first block has the frames' keys too.
  damage(GetParam() ? std::string("F\0\0\0\0\0\0\0\1", 9) : place_in_the_middle());
  open();
  if (HasFatalFailure()) return;
  const std::size_t bad = unreadable();
  EXPECT_LE(bad, kInABlock);
  // Segments are not taken for useless since it is not known who needs them.
  for (int syncs = 0; syncs < 2; ++syncs) {
    store_->put_ledger("x");
    ASSERT_EQ(store_->write(true), WriteOutcome::ok);
  }
  open();
  EXPECT_EQ(unreadable(), bad);
}

}  // namespace
}  // namespace postern::spool::test
