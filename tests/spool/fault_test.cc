// SPDX-License-Identifier: Apache-2.0
// R15 on a disk that fails: whichever write or sync goes wrong, nothing that was acknowledged is
// missing when the spool is opened again on a good disk.
#include "fault_file_system.h"
#include "rocks_spool.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <map>

namespace postern::spool::test {
namespace {

using Operation = FaultFileSystem::Operation;
using Error = FaultFileSystem::Error;

Options options_for_faults() {
  Options options = options_in();
  options.spill_octets = 10'000;
  options.segment_body_octets = 6'000;
  options.segment_octets = 20'000;
  options.memtable_octets = 64U << 10;  // flushes, and their faults, within the run
  return options;
}

/// In the database, in segments, and in files of their own.
std::string body_number(std::size_t number) {
  constexpr std::array<std::size_t, 5> kOctets = {5'900, 9'000, 5'900, 8'000, 25'000};
  return patterned(kOctets[number % kOctets.size()], number);
}

/// What was acknowledged, and the number of its body.
using Acknowledged = std::map<MessageId, std::size_t>;

/// A short run: some messages, a few settled; whatever fails, fails.
Acknowledged exercise(Spool& spool) {
  Acknowledged acknowledged;
  for (std::size_t number = 0; number < 30; ++number) {
    Committed fresh = commit(spool, body_number(number));
    const std::error_code error = fresh.done.get();
    if (error) continue;
    const MessageId id = fresh.message->id();
    if (number % 4 == 0) {
      settle_all(fresh.message);
    } else {
      acknowledged[id] = number;
    }
  }
  return acknowledged;
}

void verify(const std::string& data, const Acknowledged& acknowledged) {
  // Nothing fails any more; syncs are not waited for.
  const auto spool = open_through(data, std::make_shared<FaultFileSystem>(), options_for_faults());
  ASSERT_NE(spool, nullptr) << "does not open again";
  spool->scan(Spool::Which::recovered, [](MessageId, const Envelope&) {});
  for (const auto& [id, number] : acknowledged) {
    const auto body = body_of(*spool, id);
    ASSERT_TRUE(body) << id.str() << ", number " << number << ": " << body.error().message();
    ASSERT_EQ(*body, body_number(number));
  }
  EXPECT_TRUE(spool->stats().ledger.balances());
  EXPECT_EQ(spool->stats().ledger.damaged, 0);
}

struct Counted {
  std::uint64_t before = 0;  ///< operations of the opening
  std::uint64_t all = 0;
};

Counted count(Operation operation) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  auto spool = open_through(dir.path(), system, options_for_faults());
  Counted counted;
  counted.before = system->count(operation);
  exercise(*spool);
  spool.reset();
  counted.all = system->count(operation);
  return counted;
}

struct Kind {
  std::string name;
  Operation operation;
  Error error;
  std::uint64_t times = 1;  ///< how many in a row
};

class Fault : public ::testing::TestWithParam<Kind> {};

INSTANTIATE_TEST_SUITE_P(
    Of,
    Fault,
    ::testing::Values(Kind{"WriteEio", Operation::write, Error::io},
                      Kind{"WriteEnospc", Operation::write, Error::no_space},
                      Kind{"WritesEnospc", Operation::write, Error::no_space, 9},
                      Kind{"SyncEio", Operation::sync, Error::io},
                      Kind{"SyncEnospc", Operation::sync, Error::no_space},
                      Kind{"SyncsEnospc", Operation::sync, Error::no_space, 9}),
    [](const auto& about) { return about.param.name; });

TEST_P(Fault, NeverLosesWhatWasAcknowledged) {
  const auto& [name, operation, error, times] = GetParam();
  const Counted counted = count(operation);
  ASSERT_GT(counted.all, counted.before + 25);
  for (std::uint64_t nth = counted.before + 1; nth <= counted.all; ++nth) {
    SCOPED_TRACE(nth);
    TempDir dir;
    Acknowledged acknowledged;
    {
      const auto system = std::make_shared<FaultFileSystem>();
      system->fail(operation, nth, error, times);
      const auto spool = open_through(dir.path(), system, options_for_faults());
      ASSERT_NE(spool, nullptr);
      acknowledged = exercise(*spool);
      if (operation == Operation::sync && system->has_failed()) {
        // The thread whose sync it was may not have heard of it yet.
        for (int i = 0; i < 1000 && !commit(*spool, "x").done.get(); ++i) {
        }
        EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
      }
      EXPECT_TRUE(spool->stats().ledger.balances());
    }
    verify(dir.path(), acknowledged);
    if (HasFatalFailure()) return;
  }
}

TEST(FaultySpool, AcknowledgesNothingAfterAFailedSync) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  ASSERT_NE(store(*spool, "good"), MessageId());
  system->fail(Operation::sync, system->count(Operation::sync) + 1, Error::io);
  EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
}

TEST(FaultySpool, DoesNotReadWhatAFailedSyncLeftInTheStore) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  system->fail(Operation::sync, system->count(Operation::sync) + 1, Error::io);
  Committed fresh = commit(*spool, "x");
  ASSERT_EQ(fresh.done.get(), make_error_code(Errc::store_failed));
  const MessageId id = fresh.message->id();
  ASSERT_TRUE(fresh.message->withdraw());
  fresh.message.reset();
  // Its client was told 452 and comes again: a lane that knows the id must not deliver it too.
  std::promise<std::error_code> loaded;
  spool->load(id, [&](const Result<MessagePtr>& message) {
    loaded.set_value(message ? std::error_code() : message.error());
  });
  EXPECT_EQ(loaded.get_future().get(), make_error_code(Errc::not_found));
  std::size_t visited = 0;
  spool->scan(Spool::Which::all, [&](MessageId, const Envelope&) { ++visited; });
  EXPECT_EQ(visited, 0U);
}

/// Someone reads `postern queue list` line by line while the disk becomes full and free again: the
/// store must be opened again meanwhile (which is what a good commit after no_room shows).
TEST(FaultySpool, GoesOnAfterAFullDiskWhileSomeoneIsReadingTheList) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  ASSERT_NE(store(*spool, "first"), MessageId());
  ASSERT_NE(store(*spool, "second"), MessageId());
  std::vector<MessageId> listed;
  spool->scan(Spool::Which::all, [&](MessageId id, const Envelope&) {
    listed.push_back(id);
    if (listed.size() > 1) return;
    system->fail(Operation::write, system->count(Operation::write) + 1, Error::no_space);
    EXPECT_NE(commit(*spool, "refused").done.get(), std::error_code());
    EXPECT_NE(store(*spool, "third"), MessageId());
  });
  EXPECT_EQ(listed.size(), 2U) << "what has come meanwhile is not listed, what was there is";
}

TEST(FaultySpool, AcknowledgesNothingAfterTheFailedSyncOfABodysFile) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  system->fail(Operation::sync, system->count(Operation::sync) + 1, Error::no_space);
  EXPECT_EQ(commit(*spool, patterned(20'000, 1)).done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
}

/// Which file's sync fails, with no room: also those of a flush, which RocksDB would try again.
class FailedSync : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

INSTANTIATE_TEST_SUITE_P(Of,
                         FailedSync,
                         ::testing::Values(std::pair("Log", ".log"),
                                           std::pair("Table", ".sst"),
                                           std::pair("Blobs", ".blob"),
                                           std::pair("Manifest", "MANIFEST"),
                                           std::pair("Body", "/bodies/"),
                                           std::pair("Segment", ".segment"),
                                           std::pair("SegmentDirectory", "/segments"),
                                           std::pair("Directory", "/db")),
                         [](const auto& about) { return about.param.first; });

TEST_P(FailedSync, IsFinalUntilARestart) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  Acknowledged acknowledged;
  {
    const auto spool = open_through(dir.path(), system, options_for_faults());
    system->fail_sync_of(GetParam().second, Error::no_space);
    std::error_code error;
    // Flushes are on their way by themselves: as many messages as it takes.
    for (std::size_t number = 0; !error && number < 5000; ++number) {
      Committed fresh = commit(*spool, body_number(number));
      error = fresh.done.get();
      if (!error) acknowledged[fresh.message->id()] = number;
    }
    EXPECT_EQ(error, make_error_code(Errc::store_failed));
    EXPECT_TRUE(system->has_failed());
    EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
    EXPECT_EQ(spool->stats().health, Health::failed);
  }
  verify(dir.path(), acknowledged);
}

TEST(FaultySpool, GoesOnAfterTheDiskWasFullForAWhile) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  Acknowledged acknowledged;
  {
    const auto spool = open_through(dir.path(), system, options_for_faults());
    acknowledged[store(*spool, body_number(0))] = 0;
    // Longer than one attempt to go on lasts.
    system->fail(Operation::write, system->count(Operation::write) + 1, Error::no_space, 50);
    std::size_t refused = 0;
    for (std::size_t number = 1; number < 200; ++number) {
      Committed fresh = commit(*spool, body_number(number));
      const std::error_code error = fresh.done.get();
      if (error) {
        ASSERT_EQ(error, make_error_code(Errc::no_space));
        ++refused;
      } else {
        acknowledged[fresh.message->id()] = number;
      }
    }
    EXPECT_GT(refused, 1U);
    EXPECT_GT(acknowledged.size(), 50U);
    EXPECT_EQ(spool->stats().health, Health::good);
  }
  verify(dir.path(), acknowledged);
}

TEST(FaultySpool, GoesOnAfterTheDiskWasFullForOneWrite) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  const MessageId first = store(*spool, "first");
  system->fail(Operation::write, system->count(Operation::write) + 1, Error::no_space);
  EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::no_space));
  const MessageId last = store(*spool, "last");
  ASSERT_NE(last, MessageId()) << "without a restart";
  EXPECT_EQ(spool->stats().health, Health::good);
  EXPECT_EQ(*body_of(*spool, first), "first");
  EXPECT_EQ(*body_of(*spool, last), "last");
}

}  // namespace
}  // namespace postern::spool::test
