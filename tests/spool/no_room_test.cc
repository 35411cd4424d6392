// SPDX-License-Identifier: Apache-2.0
// A disk that is full, and has room again.
#include "gated_spool.h"
#include "queue/spool/rocks_files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

namespace postern::spool::test {
namespace {

class NoRoom : public GatedSpool {};

TEST_F(NoRoom, GoesOnWhenThereIsRoomAgain) {
  store_->script_resume(WriteOutcome::no_room);
  store_->script({WriteOutcome::no_room});
  Committed refused = commit(*spool_, "x");
  EXPECT_EQ(refused.done.get(), make_error_code(Errc::no_space));
  EXPECT_EQ(spool_->stats().health, Health::full);
  Committed again = commit(*spool_, "x");
  EXPECT_EQ(again.done.get(), make_error_code(Errc::no_space));
  EXPECT_EQ(store_->writes(), 1U);
  store_->script_resume(WriteOutcome::ok);
  Committed taken = commit(*spool_, "x");
  EXPECT_FALSE(taken.done.get());
  EXPECT_EQ(spool_->stats().health, Health::good);
}

TEST_F(NoRoom, CommitsAgainWhatFoundNoRoomAndWasDeliveredInPart) {
  store_->script_resume(WriteOutcome::no_room);
  store_->script({WriteOutcome::no_room});
  Committed refused = commit(*spool_, "x", envelope_for(2));
  EXPECT_EQ(refused.done.get(), make_error_code(Errc::no_space));
  refused.message->lease(std::vector<std::uint32_t>{0})->settle(0, Fate::delivered, {});
  EXPECT_EQ(refused.message->progress().delivered, 1U);
  const auto again = [&] {
    auto told = std::make_shared<std::promise<std::error_code>>();
    EXPECT_TRUE(
        spool_->commit_again(refused.message, [told](std::error_code e) { told->set_value(e); }));
    return told->get_future().get();
  };
  EXPECT_EQ(again(), make_error_code(Errc::no_space));
  EXPECT_EQ(spool_->stats().ledger.accepted, 0);
  store_->script_resume(WriteOutcome::ok);
  EXPECT_FALSE(again());
  EXPECT_EQ(*body_of(*spool_, refused.message), "x");
  EXPECT_FALSE(spool_->commit_again(refused.message, [](std::error_code) { FAIL(); }));
  const MessageId id = refused.message->id();
  refused.message.reset();
  open();
  EXPECT_EQ(ids_of(*spool_), std::vector{id});
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(ledger.queued, 1);
  EXPECT_TRUE(ledger.balances());
}

TEST_F(NoRoom, CommitsALargeBodyAgainWhoseFileIsComplete) {
  const TempDir dir;
  std::filesystem::create_directories(dir.path("bodies"));
  std::filesystem::create_directories(dir.path("damaged"));
  Options options = options_in();
  options.spill_octets = 1000;
  const auto open_with_files = [&] {
    spool_.reset();
    auto store = std::make_unique<GatedStore>(map_);
    store_ = store.get();
    spool_ =
        std::make_unique<Spool>(std::move(store),
                                open_body_files(dir.path("bodies"), dir.path("damaged"), nullptr),
                                options);
  };
  open_with_files();
  store_->script({WriteOutcome::no_room});
  const std::string body = patterned(100'000, 1);
  Committed refused = commit(*spool_, body, envelope_for(2));
  EXPECT_EQ(refused.done.get(), make_error_code(Errc::no_space));
  ASSERT_EQ(refused.message->place(), BodyPlace::file);
  refused.message->lease(std::vector<std::uint32_t>{0})->settle(0, Fate::delivered, {});
  std::promise<std::error_code> told;
  EXPECT_TRUE(spool_->commit_again(refused.message,
                                   [&told](std::error_code error) { told.set_value(error); }));
  EXPECT_FALSE(told.get_future().get());
  const MessageId id = refused.message->id();
  refused.message.reset();
  open_with_files();
  EXPECT_EQ(*body_of(*spool_, id), body);
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(ledger.queued, 1);
  open();  // its directory goes
}

TEST_F(NoRoom, NobodyGetsALetterThatWasWithdrawn) {
  store_->script({WriteOutcome::no_room});
  Committed refused = commit(*spool_, "x");
  EXPECT_EQ(refused.done.get(), make_error_code(Errc::no_space));
  EXPECT_TRUE(refused.message->withdraw());
  EXPECT_FALSE(refused.message->lease_pending());
  EXPECT_FALSE(spool_->commit_again(refused.message, [](std::error_code) { FAIL(); }));
}

TEST_F(NoRoom, EndsForGoodWhenGoingOnFails) {
  store_->script({WriteOutcome::no_room});
  EXPECT_EQ(commit(*spool_, "x").done.get(), make_error_code(Errc::no_space));
  store_->script_resume(WriteOutcome::failed);
  EXPECT_EQ(commit(*spool_, "x").done.get(), make_error_code(Errc::store_failed));
  store_->script_resume(WriteOutcome::ok);
  EXPECT_EQ(commit(*spool_, "x").done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(spool_->stats().health, Health::failed);
}

TEST_F(NoRoom, WritesSettlementsThatFoundNoRoomLater) {
  Committed one = commit(*spool_, "x");
  one.done.get();
  store_->script({WriteOutcome::no_room});
  settle_all(one.message);
  while (store_->writes() < 2)
    std::this_thread::yield();
  EXPECT_EQ(spool_->stats().ledger.delivered, 1);
  flush(*spool_);
  EXPECT_TRUE(ids_of(*spool_).empty());
  const MessageId id = one.message->id();
  one.message.reset();
  open();
  EXPECT_EQ(spool_->stats().ledger.delivered, 2);
  EXPECT_TRUE(spool_->stats().ledger.balances());
  EXPECT_EQ(load(*spool_, id).error(), make_error_code(Errc::not_found));
}

TEST_F(NoRoom, RefusesBeforeTheDiskIsFull) {
  std::atomic<std::uint64_t> free{2000};
  Options options = options_in();
  options.reserve_octets = 1000;
  options.free_octets = [&free] { return free.load(); };
  open(options);
  auto draft = spool_->begin();
  ASSERT_TRUE(draft);
  free = 1000;
  EXPECT_EQ(spool_->begin().error(), make_error_code(Errc::no_space));
  std::error_code late;
  MessagePtr message =
      spool_->commit(*std::move(draft), envelope_for(), [&late](std::error_code e) { late = e; });
  EXPECT_EQ(late, make_error_code(Errc::no_space));
  message.reset();
  free = 1001;
  EXPECT_EQ(store(*spool_, "x") == MessageId(), false) << "without a restart";
}

}  // namespace
}  // namespace postern::spool::test
