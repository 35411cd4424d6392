// SPDX-License-Identifier: Apache-2.0
// R15 on a disk that fails: whichever write or sync goes wrong, nothing that was acknowledged is
// missing when the spool is opened again on a good disk.
#include "fault_file_system.h"
#include "rocks_spool.h"

#include <gtest/gtest.h>

#include <map>

namespace postern::spool::test {
namespace {

using Operation = FaultFileSystem::Operation;
using Error = FaultFileSystem::Error;

Options options_for_faults() {
  Options options = options_in();
  options.spill_octets = 10'000;
  options.memtable_octets = 96U << 10;  // flushes, and their faults, within the run
  return options;
}

std::string body_number(std::size_t number) {
  const std::size_t size = number % 5 == 4 ? 25'000 : 9'000;
  return patterned(size, number);
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
  const auto spool = open_through(data, nullptr, options_for_faults());
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

class Fault : public ::testing::TestWithParam<std::pair<Operation, Error>> {};

std::string name_of(const ::testing::TestParamInfo<std::pair<Operation, Error>>& about) {
  const std::string operation = about.param.first == Operation::write ? "Write" : "Sync";
  return operation + (about.param.second == Error::io ? "Eio" : "Enospc");
}

INSTANTIATE_TEST_SUITE_P(Of,
                         Fault,
                         ::testing::Values(std::pair(Operation::write, Error::io),
                                           std::pair(Operation::write, Error::no_space),
                                           std::pair(Operation::sync, Error::io),
                                           std::pair(Operation::sync, Error::no_space)),
                         name_of);

TEST_P(Fault, NeverLosesWhatWasAcknowledged) {
  const auto [operation, error] = GetParam();
  const Counted counted = count(operation);
  ASSERT_GT(counted.all, counted.before + 25);
  for (std::uint64_t nth = counted.before + 1; nth <= counted.all; ++nth) {
    SCOPED_TRACE(nth);
    TempDir dir;
    Acknowledged acknowledged;
    {
      const auto system = std::make_shared<FaultFileSystem>();
      system->fail(operation, nth, error);
      const auto spool = open_through(dir.path(), system, options_for_faults());
      ASSERT_NE(spool, nullptr);
      acknowledged = exercise(*spool);
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

TEST(FaultySpool, AcknowledgesNothingAfterTheFailedSyncOfABodysFile) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_for_faults());
  system->fail(Operation::sync, system->count(Operation::sync) + 1, Error::no_space);
  EXPECT_EQ(commit(*spool, patterned(20'000, 1)).done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::store_failed));
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
