// SPDX-License-Identifier: Apache-2.0
// What only a spool on a disk does: its directory, large bodies, damage, space.
#include "queue/spool/data_dir.h"
#include "support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;

class DiskSpool : public ::testing::Test {
 protected:
  DiskSpool() { options_.spill_octets = 1000; }
  void open() {
    spool_.reset();
    options_.data_dir = data();
    auto opened = Spool::open(options_);
    ASSERT_TRUE(opened) << opened.error().text;
    spool_ = *std::move(opened);
  }
  std::string data() const { return dir_.path("data"); }
  std::string file_of(MessageId id) const { return data() + "/bodies/" + id.str(); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(data() + "/bodies"), fs::directory_iterator()));
  }
  void await_no_files() const {
    while (files() != 0)
      std::this_thread::yield();
  }

  TempDir dir_;
  Options options_ = options_in();
  std::unique_ptr<Spool> spool_;
};

void overwrite(const std::string& path, std::uint64_t offset, std::string_view octets) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
}

// ---- the directory ----

TEST_F(DiskSpool, IsLockedAgainstAnotherProcessAndSaysWhose) {
  open();
  options_.data_dir = data();
  const auto second = Spool::open(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, make_error_code(Errc::data_dir_in_use));
  EXPECT_NE(second.error().text.find(fmt::format("process {}", ::getpid())), std::string::npos)
      << second.error().text;
}

TEST_F(DiskSpool, IsFreeAgainWhenItsProcessIsGone) {
  open();
  open();
}

TEST_F(DiskSpool, RefusesANewerFormat) {
  open();
  spool_.reset();
  std::ofstream(data() + "/format") << "postern spool 3\n";
  const auto opened = Spool::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, make_error_code(Errc::newer_format));
  EXPECT_NE(opened.error().text.find("format 3"), std::string::npos) << opened.error().text;
}

TEST_F(DiskSpool, TakesOverADirectoryWithoutSegments) {
  // As the postern before has left it: all bodies are in the database.
  options_.spill_octets = 1U << 20;
  options_.segment_body_octets = 1U << 20;
  open();
  const MessageId id = store(*spool_, patterned(100'000, 1));
  spool_.reset();
  fs::remove(data() + "/segments");
  std::ofstream(data() + "/format") << "postern spool 1\n";
  options_.segment_body_octets = 1000;
  open();
  const MessageId fresh = store(*spool_, patterned(100'000, 2));
  EXPECT_EQ(*body_of(*spool_, id), patterned(100'000, 1));
  spool_.reset();
  std::string format;
  std::getline(std::ifstream(data() + "/format"), format);
  EXPECT_EQ(format, "postern spool 2");
  EXPECT_FALSE(fs::is_empty(data() + "/segments"));
  open();
  EXPECT_EQ(*body_of(*spool_, id), patterned(100'000, 1));
  EXPECT_EQ(*body_of(*spool_, fresh), patterned(100'000, 2));
  settle_all(*load(*spool_, id));
  flush(*spool_);
  EXPECT_EQ(load(*spool_, id).error(), make_error_code(Errc::not_found));
}

TEST_F(DiskSpool, RefusesADirectoryThatIsNotItsOwn) {
  fs::create_directories(data());
  std::ofstream(data() + "/format") << "something else\n";
  options_.data_dir = data();
  const auto opened = Spool::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, make_error_code(Errc::bad_data_dir));
}

TEST_F(DiskSpool, IsForItsOwnerAlone) {
  open();
  EXPECT_EQ(fs::status(data()).permissions(), fs::perms::owner_all);
}

// ---- restarts ----

TEST_F(DiskSpool, HasEverythingAfterARestart) {
  open();
  std::vector<std::pair<MessageId, std::string>> stored;
  for (std::size_t i = 0; i < 20; ++i) {
    std::string body = patterned(i * 300, i);
    stored.emplace_back(store(*spool_, body), std::move(body));
  }
  open();
  EXPECT_EQ(ids_of(*spool_, Spool::Which::recovered).size(), stored.size());
  for (const auto& [id, body] : stored)
    EXPECT_EQ(*body_of(*spool_, id), body);
  EXPECT_EQ(spool_->stats().ledger.queued, 20);
  EXPECT_EQ(spool_->stats().ledger.damaged, 0);
}

TEST_F(DiskSpool, FindsTheStateThatARestartLeft) {
  open();
  const MessageId id = store(*spool_, "x", envelope_for(2));
  {
    const MessagePtr message = *load(*spool_, id);
    auto lease = message->lease_pending();
    lease->settle(0, Fate::delivered, {});
    lease->reschedule(1, WallTime(std::chrono::seconds(5)), "other", {});
  }
  open();
  const MessagePtr message = *load(*spool_, id);
  EXPECT_EQ(message->recipient(0).fate, Fate::delivered);
  EXPECT_EQ(message->recipient(1).lane, "other");
}

// ---- large bodies ----

TEST_F(DiskSpool, PutsALargeBodyIntoAFileAndReadsItInPieces) {
  open();
  const std::string body = patterned(1'000'000, 4);
  const MessageId id = store(*spool_, body);
  EXPECT_EQ(fs::file_size(file_of(id)), body.size());
  EXPECT_EQ(*body_of(*spool_, id), body);
  EXPECT_EQ(spool_->stats().memory_octets, 0);
  EXPECT_LT(spool_->stats().octets_written, 10'000U);
  open();
  EXPECT_EQ(*body_of(*spool_, id), body);
}

TEST_F(DiskSpool, ReadsALargeBodyThatIsNotDurableYet) {
  open();
  const std::string body = patterned(3'000'000, 5);
  Committed fresh = commit(*spool_, body, envelope_for(), std::chrono::hours(1));
  EXPECT_EQ(*body_of(*spool_, fresh.message), body);
  settle_all(fresh.message);
  EXPECT_FALSE(fresh.done.get());
  await_no_files();
}

TEST_F(DiskSpool, WaitsForTheDiskWhenABodyComesFaster) {
  options_.window_octets = 10'000;
  open();
  const std::string body = patterned(2'000'000, 6);
  EXPECT_EQ(*body_of(*spool_, store(*spool_, body)), body);
}

TEST_F(DiskSpool, RemovesTheFileOfASettledMessage) {
  open();
  const MessageId id = store(*spool_, patterned(5000, 7));
  EXPECT_EQ(files(), 1U);
  settle_all(*load(*spool_, id));
  await_no_files();
  EXPECT_EQ(load(*spool_, id).error(), make_error_code(Errc::not_found));
}

TEST_F(DiskSpool, ALargeBodyUnderTheReserveIsRefusedBeforeAnybodyIsAsked) {
  std::atomic<std::uint64_t> free{2000};
  options_.reserve_octets = 1000;
  options_.free_octets = [&free] { return free.load(); };
  open();
  auto draft = spool_->begin();
  ASSERT_TRUE(draft);
  EXPECT_FALSE(run(draft->append(patterned(5000, 3))));
  free = 0;
  std::error_code told;
  MessagePtr message = spool_->commit(
      *std::move(draft), envelope_for(), [&told](std::error_code error) { told = error; });
  EXPECT_EQ(told, make_error_code(Errc::no_space));
  EXPECT_FALSE(spool_->commit_again(message, [](std::error_code) { FAIL(); }));
  message.reset();
  await_no_files();
  spool_.reset();
}

TEST_F(DiskSpool, AbortedDraftsLeaveNothing) {
  open();
  {
    auto draft = spool_->begin();
    ASSERT_TRUE(draft);
    EXPECT_FALSE(run(draft->append(patterned(5000, 8))));
  }
  EXPECT_EQ(commit(*spool_, patterned(5000, 9), envelope_for(), std::chrono::hours(1))
                .message->withdraw(),
            true);
  await_no_files();
  // Octets that were still to be written are in memory until the writing thread has come to them.
  while (spool_->stats().memory_octets != 0)
    std::this_thread::yield();
}

TEST_F(DiskSpool, RemovesAtTheStartWhatACrashLeftOfADraft) {
  open();
  const MessageId kept = store(*spool_, patterned(5000, 10));
  spool_.reset();
  std::ofstream(file_of(MessageId(kept.value() + 1))) << "half a letter";
  std::ofstream(data() + "/bodies/note.txt") << "not ours";
  open();
  EXPECT_TRUE(fs::exists(file_of(kept)));
  EXPECT_FALSE(fs::exists(file_of(MessageId(kept.value() + 1))));
  EXPECT_TRUE(fs::exists(data() + "/bodies/note.txt"));
}

// ---- damage ----

TEST_F(DiskSpool, MovesALargeMessageAsideWhoseFileHasChanged) {
  open();
  const MessageId id = store(*spool_, patterned(300'000, 11));
  overwrite(file_of(id), 200'000, "Z");
  EXPECT_EQ(body_of(*spool_, id).error(), make_error_code(Errc::damaged));
  flush(*spool_);
  EXPECT_EQ(load(*spool_, id).error(), make_error_code(Errc::not_found));
  EXPECT_EQ(fs::file_size(data() + "/damaged/" + id.str() + ".eml"), 300'000U);
  EXPECT_TRUE(fs::exists(data() + "/damaged/" + id.str() + ".envelope"));
  EXPECT_EQ(spool_->stats().ledger.damaged, 1);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(DiskSpool, MovesAMessageAsideWhoseFileIsMissing) {
  open();
  const MessageId id = store(*spool_, patterned(5000, 12));
  fs::remove(file_of(id));
  EXPECT_EQ(body_of(*spool_, id).error(), make_error_code(Errc::damaged));
}

/// The largest file of the database with that ending.
std::string largest(const std::string& directory, std::string_view ending) {
  std::string found;
  std::uintmax_t size = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ending && entry.file_size() > size) {
      found = entry.path().string();
      size = entry.file_size();
    }
  }
  return found;
}

void reclaim(Spool& spool) {
  std::promise<std::error_code> done;
  spool.reclaim([&done](std::error_code e) { done.set_value(e); });
  done.get_future().get();
}

TEST_F(DiskSpool, ADamagedBlockOfRecordsCostsOnlyTheMessagesInIt) {
  options_.spill_octets = 1U << 20;
  open();
  // Bodies enough to have them flushed; envelopes of some hundred octets, several to a block.
  std::vector<MessageId> stored;
  for (std::size_t i = 0; i < 400; ++i) {
    Envelope envelope = envelope_for();
    envelope.origin.helo = patterned(500, i);
    stored.push_back(store(*spool_, patterned(30'000, i), std::move(envelope)));
  }
  reclaim(*spool_);
  spool_.reset();
  const std::string table = largest(data() + "/db", ".sst");
  ASSERT_FALSE(table.empty());
  overwrite(table, fs::file_size(table) / 2, "XXXXXXXXXXXXXXXX");
  std::size_t reported = 0;
  options_.on_damaged = [&reported](MessageId, const std::string&) { ++reported; };
  open();
  const std::vector<MessageId> found = ids_of(*spool_, Spool::Which::recovered);
  EXPECT_LT(found.size(), stored.size());
  EXPECT_GT(found.size(), stored.size() - 50);
  EXPECT_EQ(found.front(), stored.front());
  EXPECT_EQ(found.back(), stored.back());
  EXPECT_EQ(reported, stored.size() - found.size());
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.damaged, static_cast<std::int64_t>(reported));
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(body_of(*spool_, stored.back())->size(), 30'000U);
}

TEST_F(DiskSpool, ADamagedBodyCostsOnlyItsMessage) {
  options_.spill_octets = 1U << 20;
  open();
  std::vector<MessageId> stored;
  for (std::size_t i = 0; i < 400; ++i)
    stored.push_back(store(*spool_, patterned(30'000, i)));
  reclaim(*spool_);
  spool_.reset();
  const std::string blob = largest(data() + "/db", ".blob");
  ASSERT_FALSE(blob.empty()) << "bodies are not in blob files";
  overwrite(blob, fs::file_size(blob) / 2, "XXXXXXXXXXXXXXXX");
  open();
  std::size_t damaged = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto body = body_of(*spool_, stored[i]);
    if (body) {
      ASSERT_EQ(*body, patterned(30'000, i));
    } else {
      EXPECT_EQ(body.error(), make_error_code(Errc::damaged));
      ++damaged;
    }
  }
  EXPECT_EQ(damaged, 1U);
  EXPECT_EQ(spool_->stats().ledger.damaged, 1);
}

// ---- space ----

std::uintmax_t octets_below(const std::string& path) {
  std::uintmax_t octets = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    std::error_code gone;
    const auto size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) octets += size;
  }
  return octets;
}

TEST_F(DiskSpool, GivesSpaceBackWhenABacklogHasDrained) {
  options_.spill_octets = 1U << 20;
  open();
  std::vector<MessageId> stored;
  for (std::size_t i = 0; i < 300; ++i)
    stored.push_back(store(*spool_, patterned(200'000, i)));
  EXPECT_GT(octets_below(data()), 50'000'000U);
  for (const MessageId id : stored)
    settle_all(*load(*spool_, id));
  flush(*spool_);
  reclaim(*spool_);
  // Files go when RocksDB has found them obsolete, on a thread of its own.
  while (octets_below(data()) > 12'000'000U)
    std::this_thread::yield();
  EXPECT_EQ(spool_->stats().ledger.octets, 0);
}

TEST_F(DiskSpool, WhatDiesYoungIsNeverWrittenTwice) {
  options_.spill_octets = 1U << 20;
  open();
  // Below the memtable's size: all of it is in the log once, and nothing else.
  for (std::size_t i = 0; i < 50; ++i)
    settle_all(*load(*spool_, store(*spool_, patterned(20'000, i))));
  flush(*spool_);
  reclaim(*spool_);
  EXPECT_TRUE(largest(data() + "/db", ".blob").empty());
}

}  // namespace
}  // namespace postern::spool::test
