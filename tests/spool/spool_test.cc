// SPDX-License-Identifier: Apache-2.0
// What every spool does, on a disk and in memory.
#include "support.h"

#include <gtest/gtest.h>

namespace postern::spool::test {
namespace {

class AnySpool : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { open(); }
  void open() {
    if (!GetParam()) {
      spool_ = Spool::in_memory(options_in());
      return;
    }
    auto opened = Spool::open(options_in(dir_.path("data")));
    ASSERT_TRUE(opened) << opened.error().text;
    spool_ = *std::move(opened);
  }
  Spool& spool() { return *spool_; }

  TempDir dir_;
  std::unique_ptr<Spool> spool_;
};

INSTANTIATE_TEST_SUITE_P(On, AnySpool, ::testing::Bool(), [](const auto& about) {
  return std::string(about.param ? "Disk" : "Memory");
});

TEST_P(AnySpool, GivesBackWhatItWasGiven) {
  const std::string body = patterned(10'000, 1);
  const MessageId id = store(spool(), body, full_envelope());
  const auto message = load(spool(), id);
  ASSERT_TRUE(message);
  EXPECT_EQ((*message)->octets(), body.size());
  EXPECT_EQ((*message)->sender().path.text(), "sender@corp.example");
  EXPECT_EQ((*message)->recipients(), 2U);
  EXPECT_EQ(*body_of(spool(), *message), body);
}

TEST_P(AnySpool, KeepsAnEmptyMessage) {
  const MessageId id = store(spool(), "");
  EXPECT_EQ(*body_of(spool(), id), "");
}

TEST_P(AnySpool, HandsOutABodyFromMemoryInTheChunksItCameIn) {
  Committed fresh = commit(spool(), patterned(100, 2), envelope_for(), {}, 30);
  fresh.done.get();
  BodyReader reader = spool().read(fresh.message);
  const auto first = run(reader.next());
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->size(), 30U);
}

TEST_P(AnySpool, ReadsAForgottenBodyFromTheStore) {
  const std::string body = patterned(50'000, 3);
  Committed fresh = commit(spool(), body);
  fresh.done.get();
  EXPECT_EQ(spool().stats().memory_octets, 50'000);
  fresh.message->forget_body();
  EXPECT_EQ(spool().stats().memory_octets, 0);
  EXPECT_EQ(*body_of(spool(), fresh.message), body);
}

TEST_P(AnySpool, RemovesAMessageWhenItsLastRecipientIsSettled) {
  const MessageId id = store(spool(), "x", envelope_for(2));
  {
    const MessagePtr message = *load(spool(), id);
    auto lease = message->lease_pending();
    ASSERT_TRUE(lease);
    lease->settle(0, Fate::delivered, {});
    lease->settle(1, Fate::failed, {});
  }
  flush(spool());
  EXPECT_EQ(load(spool(), id).error(), make_error_code(Errc::not_found));
  const Ledger ledger = spool().stats().ledger;
  EXPECT_EQ(ledger.accepted, 3) << "with flush()'s own";
  EXPECT_EQ(ledger.delivered, 2);
  EXPECT_EQ(ledger.failed, 1);
  EXPECT_EQ(ledger.queued, 0);
  EXPECT_EQ(ledger.messages, 0);
  EXPECT_EQ(ledger.octets, 0);
}

TEST_P(AnySpool, KeepsWhatARescheduleSaid) {
  const MessageId id = store(spool(), "x", envelope_for(2));
  const WallTime later(std::chrono::seconds(1'800'000'000));
  {
    const MessagePtr message = *load(spool(), id);
    auto lease = message->lease_pending();
    lease->mark_warned(1);
    lease->reschedule(
        1, later, "x", {smtp::Reply(451, {4, 3, 0}, Text(std::string("later"))), "10.0.0.7:25"});
    lease->settle(0, Fate::delivered, {});
  }
  flush(spool());
  const MessagePtr message = *load(spool(), id);
  const Recipient second = message->recipient(1);
  EXPECT_EQ(second.due, later);
  EXPECT_EQ(second.lane, "x");
  EXPECT_EQ(second.attempts, 1U);
  EXPECT_EQ(second.last_reply.code(), 451);
  EXPECT_EQ(second.last_host, "10.0.0.7:25");
  ASSERT_EQ(second.past.size(), 1U);
  EXPECT_EQ(second.past[0].host, "10.0.0.7:25");
  EXPECT_EQ(second.past[0].said, "451 4.3.0 later");
  EXPECT_TRUE(message->recipient(0).past.empty()) << "a delivery is no try that came to nothing";
  EXPECT_TRUE(second.warned);
  EXPECT_EQ(message->recipient(0).fate, Fate::delivered);
  EXPECT_EQ(spool().stats().ledger.queued, 1);
}

TEST_P(AnySpool, KeepsTheLatestTriesOfARecipient) {
  const MessageId id = store(spool(), "x", envelope_for(1));
  const MessagePtr message = *load(spool(), id);
  for (std::size_t i = 0; i < kPastTries + 3; ++i) {
    auto lease = message->lease_pending();
    ASSERT_TRUE(lease);
    const std::string text = std::to_string(i) + " " + std::string(300, 'x');
    lease->reschedule(0, WallTime(), "x", {smtp::Reply(451, {4, 3, 0}, Text(text)), "h"});
  }
  const std::vector<PastTry> past = message->recipient(0).past;
  ASSERT_EQ(past.size(), kPastTries);
  EXPECT_EQ(past.front().said.substr(0, 12), "451 4.3.0 3 ");
  EXPECT_EQ(past.back().said.substr(0, 13), "451 4.3.0 12 ");
  EXPECT_EQ(past.back().said.size(), kPastReplyOctets);
}

TEST_P(AnySpool, LeasesARecipientToOneAtATime) {
  const MessageId id = store(spool(), "x", envelope_for(3));
  const MessagePtr message = *load(spool(), id);
  const std::vector<std::uint32_t> first = {0, 1};
  const std::vector<std::uint32_t> second = {1, 2};
  const std::vector<std::uint32_t> none = {7};
  {
    auto lease = message->lease(first);
    ASSERT_TRUE(lease);
    EXPECT_EQ(message->lease(second).error(), make_error_code(Errc::leased));
    EXPECT_EQ(message->lease(none).error(), make_error_code(Errc::bad_recipient));
    auto rest = message->lease_pending();
    ASSERT_TRUE(rest);
    EXPECT_EQ(rest->indices(), std::vector<std::uint32_t>{2});
    lease->settle(0, Fate::delivered, {});
  }
  EXPECT_EQ(message->lease(first).error(), make_error_code(Errc::settled));
  EXPECT_TRUE(message->lease(second)) << "what was not settled is free again";
}

TEST_P(AnySpool, GivesTheSameObjectToEverybodyWhoWorksWithAMessage) {
  const MessageId id = store(spool(), "x");
  const MessagePtr one = *load(spool(), id);
  EXPECT_EQ(*load(spool(), id), one);
}

TEST_P(AnySpool, HoldsAMessageAndReleasesIt) {
  const MessageId id = store(spool(), "x");
  EXPECT_FALSE(run(spool().hold(id, true)));
  const MessagePtr message = *load(spool(), id);
  EXPECT_EQ(message->lease_pending().error(), make_error_code(Errc::held));
  bool held = false;
  spool().scan(Spool::Which::all, [&](MessageId, const Envelope& e) { held = e.held; });
  EXPECT_TRUE(held);
  EXPECT_FALSE(run(spool().hold(id, false)));
  EXPECT_TRUE(message->lease_pending());
  EXPECT_EQ(run(spool().hold(MessageId(1), true)), make_error_code(Errc::not_found));
}

TEST_P(AnySpool, ScansAllMessagesInTheOrderOfTheirBirth) {
  std::vector<MessageId> stored;
  for (int i = 0; i < 600; ++i)  // more than are read at a time
    stored.push_back(store(spool(), "x"));
  EXPECT_EQ(ids_of(spool()), stored);
  EXPECT_TRUE(ids_of(spool(), Spool::Which::recovered).empty()) << "all are of this run";
}

TEST_P(AnySpool, NeverWritesWhatWasDeliveredWithinItsGrace) {
  const std::uint64_t before = spool().stats().committed;
  Committed fresh = commit(spool(), "x", envelope_for(2), std::chrono::hours(1));
  settle_all(fresh.message);
  EXPECT_FALSE(fresh.done.get()) << "safe: R15 asks for durable or delivered";
  flush(spool());
  const Stats stats = spool().stats();
  EXPECT_EQ(stats.committed, before + 1) << "flush()'s own";
  EXPECT_EQ(stats.never_written, 1U);
  EXPECT_EQ(stats.ledger.accepted, 3);
  EXPECT_EQ(stats.ledger.delivered, 3);
  EXPECT_EQ(load(spool(), fresh.message->id()).error(), make_error_code(Errc::not_found));
}

TEST_P(AnySpool, TakesAMessageBackThatWasNotWritten) {
  Committed fresh = commit(spool(), "x", envelope_for(), std::chrono::hours(1));
  EXPECT_TRUE(fresh.message->withdraw());
  EXPECT_EQ(fresh.done.get(), make_error_code(Errc::cancelled));
  EXPECT_EQ(spool().stats().ledger, Ledger{});
  Committed stored = commit(spool(), "x");
  stored.done.get();
  EXPECT_FALSE(stored.message->withdraw());
}

TEST_P(AnySpool, HasNothingToKeepOfAMessageWithoutRecipients) {
  Committed fresh = commit(spool(), "x", envelope_for(0));
  EXPECT_FALSE(fresh.done.get());
  EXPECT_TRUE(ids_of(spool()).empty());
}

TEST_P(AnySpool, AnswersEverythingAfterItsEndWithClosed) {
  Committed fresh = commit(spool(), "x", envelope_for(), std::chrono::hours(1));
  spool().close();
  EXPECT_FALSE(fresh.done.get()) << "closing writes what waits, grace or not";
  EXPECT_EQ(spool().begin().error(), make_error_code(Errc::closed));
  EXPECT_EQ(load(spool(), MessageId(1)).error(), make_error_code(Errc::closed));
  fresh.message.reset();
}

TEST_P(AnySpool, ManyThreadsLeaveAnExactLedger) {
  constexpr int kThreads = 4;
  constexpr int kMessages = 100;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kMessages; ++i) {
        Committed fresh = commit(spool(), patterned(100, 1), envelope_for(2));
        const int what = (i + t) % 4;
        if (what != 0) fresh.done.get();
        if (what == 3) continue;
        settle_all(fresh.message, what == 2 ? Fate::discarded : Fate::delivered);
        if (what == 0) fresh.done.get();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const Ledger ledger = spool().stats().ledger;
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(ledger.accepted, 2 * kThreads * kMessages);
  EXPECT_EQ(ledger.delivered, kThreads * kMessages);
  EXPECT_EQ(ledger.discarded, kThreads * kMessages / 2);
  EXPECT_EQ(ledger.queued, kThreads * kMessages / 2);
  flush(spool());
  EXPECT_EQ(ids_of(spool()).size(), kThreads * kMessages / 4);
}

}  // namespace
}  // namespace postern::spool::test
